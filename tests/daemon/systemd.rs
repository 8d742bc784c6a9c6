//! Readiness, watchdog, reload and stop as systemd is told of them (sd_notify(3)).

use crate::support::{Daemon, Folder, PATIENCE, SECRETS, configure};
use std::os::unix::net::UnixDatagram;

#[test]
fn systemd_is_told_of_every_step() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut bytes = [0; 256];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    // Signs of life come between the other notes.
    let next_other = || {
        let others = std::iter::repeat_with(next).find(|note| note != "WATCHDOG=1");
        others.expect("the iterator has no end")
    };
    let path = path.display().to_string();
    let mut variables = SECRETS.to_vec();
    variables.extend([("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "100000")]);
    let mut daemon = Daemon::listening(&mut configure(&["--listen", "127.0.0.1:0"], &variables));
    assert_eq!(next(), "READY=1");
    for _ in 0..3 {
        assert_eq!(next(), "WATCHDOG=1");
    }
    daemon.signal("HUP");
    let reloading = next_other();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(next_other(), "READY=1");
    daemon.signal("TERM");
    assert_eq!(next_other(), "STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_notify_socket_that_nothing_reads_blocks_nobody_and_is_told_later() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"full", &path).is_ok() {}
    let path = path.display().to_string();
    let mut variables = SECRETS.to_vec();
    variables.extend([("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "20000")]);
    let mut daemon = Daemon::listening(&mut configure(&["--listen", "127.0.0.1:0"], &variables));
    daemon.signal("HUP");
    daemon.wait_for("the new configuration is in force");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut notes = std::iter::repeat_with(|| {
        let mut bytes = [0; 256];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    })
    .filter(|note| note != "full" && note != "WATCHDOG=1");
    assert_eq!(notes.next().unwrap(), "READY=1");
    assert!(notes.next().unwrap().starts_with("RELOADING=1\n"));
    assert_eq!(notes.next().unwrap(), "READY=1");
    assert_eq!(daemon.stop(), Some(0));
}
