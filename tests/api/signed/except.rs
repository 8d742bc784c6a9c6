//! Publications that leave out the connection of their sender.

use super::*;

fn publish_except(channels: &str, message: &str, connection: &str) -> String {
    publish_body(&format!(
        r#"{{"channels":{channels},"message":{message},"except":"{connection}"}}"#
    ))
}

#[test]
fn every_subscriber_but_the_sender_gets_the_message() {
    let daemon = daemon();
    let (sender, hello) = events(&daemon, "a,b", "");
    let (other, _) = events(&daemon, "a,b", "");
    let framed = subscriber(&daemon, "a");
    let sent = publish_except(r#"["a","b"]"#, "1", &connection_of(&hello));
    assert_eq!(ask(&daemon, sent), ACCEPTED);
    assert_eq!(more(&other), event(1, "a", "1") + &event(2, "b", "1"));
    assert_eq!(framed.read(), frame("1"));
    assert_eq!(more(&sender), "");
    ask(&daemon, publish("a", "2"));
    assert_eq!(more(&sender), event(3, "a", "2"));
}

#[test]
fn the_sender_gets_what_is_published_together_with_its_message() {
    let daemon = daemon();
    let (sender, hello) = events(&daemon, "a", "");
    let (other, _) = events(&daemon, "a", "");
    let connection = connection_of(&hello);
    let list = format!(
        r#"[{{"channel":"a","message":1}},{{"channel":"a","message":2,"except":"{connection}"}},
            {{"channel":"a","message":3}}]"#
    );
    assert_eq!(ask(&daemon, publish_body(&list)), ACCEPTED);
    assert_eq!(more(&sender), event(1, "a", "1") + &event(3, "a", "3"));
    let all = [1, 2, 3].map(|number| event(number, "a", &number.to_string()));
    assert_eq!(more(&other), all.concat());
}

#[test]
fn a_connection_that_does_not_exist_leaves_nothing_out() {
    let daemon = daemon();
    let (sender, hello) = events(&daemon, "a", "");
    let connection = connection_of(&hello);
    sender.abort();
    let (next, _) = events(&daemon, "a", "");
    for (number, id) in (1..).zip([&*connection, "none", "0000000000000000", "x y"]) {
        assert_eq!(ask(&daemon, publish_except(r#"["a"]"#, "1", id)), ACCEPTED);
        assert_eq!(more(&next), event(number, "a", "1"), "{id}");
    }
}
