//! Many connections that all do the same, again and again.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than this a client does not wait for a place.
const CONNECT_PATIENCE: Duration = Duration::from_millis(200);
/// Reads and writes of one connection before the next has its turn.
const STEPS_MAX: usize = 4;

/// What each connection of a swarm does.
pub struct Attack {
    pub name: &'static str,
    pub connections: usize,
    /// What it sends, in turns as numbered from 0 over all connections: the first of a connection
    /// is its opening, and all others are floods. An empty flood: nothing more.
    pub opening: fn(usize) -> Vec<u8>,
    pub flood: fn(usize) -> Vec<u8>,
    /// Whether it reads what it is sent.
    pub reads: bool,
    /// It leaves after this time, and another one comes.
    pub life: Duration,
}

/// What a swarm has done.
#[derive(Debug, Default)]
pub struct Done {
    pub opened: usize,
    pub refused: usize,
    pub sent_bytes: usize,
    pub read_bytes: usize,
    /// Connections that the daemon ended.
    pub ended: usize,
}

/// An attack that goes on.
pub struct Swarm {
    name: &'static str,
    thread: JoinHandle<Done>,
}

struct Client {
    socket: TcpStream,
    unsent: Vec<u8>,
    sent: usize,
    leaves_at: Instant,
}

impl Swarm {
    pub fn start(attack: Attack, address: &str, until: Instant) -> Swarm {
        let (name, address) = (attack.name, address.to_owned());
        let thread = thread::spawn(move || {
            give_way();
            attack.run(&address, until)
        });
        Swarm { name, thread }
    }

    /// Waits for its end, when all its connections are closed.
    pub fn join(self) -> (&'static str, Done) {
        (self.name, self.thread.join().expect("the swarm ends"))
    }
}

/// Real visitors have processors of their own: those of this machine are for the daemon first.
fn give_way() {
    let link = fs::read_link("/proc/thread-self").expect("proc is mounted");
    let thread = link.file_name().and_then(|name| name.to_str()).expect("a number");
    let mut renice = Command::new("renice");
    let _ = renice.args(["-n", "15", "-p", thread]).stdout(Stdio::null()).status();
}

impl Attack {
    fn run(&self, address: &str, until: Instant) -> Done {
        let address = address.parse().expect("an address");
        let mut done = Done::default();
        let mut clients: Vec<Option<Client>> = (0..self.connections).map(|_| None).collect();
        let (mut turn, mut answer) = (0, vec![0; 64 * 1024]);
        while Instant::now() < until {
            let moved = done.sent_bytes + done.read_bytes;
            for place in &mut clients {
                match place {
                    Some(client) => {
                        let is_open = self.step(client, &mut turn, &mut answer, &mut done);
                        if !is_open || Instant::now() > client.leaves_at {
                            done.ended += usize::from(!is_open);
                            *place = None;
                        }
                    }
                    None => match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
                        Ok(socket) => {
                            socket.set_nonblocking(true).expect("a socket");
                            let unsent = (self.opening)(turn);
                            let leaves_at = Instant::now() + self.life;
                            *place = Some(Client { socket, unsent, sent: 0, leaves_at });
                            (turn, done.opened) = (turn + 1, done.opened + 1);
                        }
                        Err(_) => {
                            done.refused += 1;
                            break;
                        }
                    },
                }
            }
            if done.sent_bytes + done.read_bytes == moved {
                thread::sleep(Duration::from_millis(1));
            }
        }
        done
    }

    /// Sends and reads what can be; false: the connection is over.
    fn step(
        &self,
        client: &mut Client,
        turn: &mut usize,
        answer: &mut [u8],
        done: &mut Done,
    ) -> bool {
        for _ in 0..STEPS_MAX {
            if client.sent == client.unsent.len() {
                *turn += 1;
                (client.unsent, client.sent) = ((self.flood)(*turn), 0);
                if client.unsent.is_empty() {
                    break;
                }
            }
            match client.socket.write(&client.unsent[client.sent..]) {
                Ok(count) => {
                    (client.sent, done.sent_bytes) = (client.sent + count, done.sent_bytes + count)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        for _ in 0..STEPS_MAX {
            if !self.reads {
                break;
            }
            match client.socket.read(answer) {
                Ok(0) => return false,
                Ok(count) => done.read_bytes += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        true
    }
}
