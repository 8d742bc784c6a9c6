//! Channels that are deleted through a location while clients of the API are subscribed.

use super::*;

fn delete(daemon: &Daemon, channel: &str) {
    let answer = ask(daemon, bare("DELETE", &format!("/pub?id={channel}"), ""));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn a_stream_of_several_channels_ends_so_that_its_client_subscribes_to_all_again() {
    let daemon = daemon_that_deletes();
    let (client, _) = events(&daemon, "a,b", "");
    ask(&daemon, publish("b", "1"));
    delete(&daemon, "a");
    let told = more(&client);
    let reset = format!(
        "id: {0}\nevent: rpushd.reset\n\
         data: {{\"channels\":[\"a\"],\"reason\":\"evicted\",\"cursor\":\"{0}\"}}\n\n",
        cursor(1)
    );
    let (before, goodbye) = told.split_once(&reset).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(before, event(1, "b", "1"));
    assert!(goodbye.starts_with("event: rpushd.goodbye\n"), "{goodbye}");
    assert!(goodbye.contains("\"reason\":\"age\""), "{goodbye}");
    assert!(client.is_ended());
    // It resumes from the cursor of the reset, and nothing is missing.
    let (_, hello) = events(&daemon, "a,b", &format!("Last-Event-ID: {}\r\n", cursor(1)));
    assert_eq!(hello.matches("event: ").count(), 1, "{hello}");
}
