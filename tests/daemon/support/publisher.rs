//! A keep-alive connection that publishes and asks for statistics.

use super::{PATIENCE, SECRETS};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub struct Publisher {
    stream: BufReader<TcpStream>,
    secret: String,
}

impl Publisher {
    pub fn connect(address: &str) -> Publisher {
        Publisher::over(TcpStream::connect(address).unwrap())
    }

    /// As [`Publisher::connect`], over a connection that is open already.
    pub fn over(stream: TcpStream) -> Publisher {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Publisher { stream: BufReader::new(stream), secret: SECRETS[1].1.to_owned() }
    }

    /// The same connection with another secret.
    pub fn with_secret(mut self, secret: &str) -> Publisher {
        self.secret = secret.to_owned();
        self
    }

    /// Publishes a message, which is JSON; returns the status.
    pub fn try_publish(&mut self, channel: &str, message: &str) -> u16 {
        let body = format!("{{\"channel\":\"{channel}\",\"message\":{message}}}");
        let request = format!(
            "POST /api/publish HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.secret,
            body.len()
        );
        self.ask(&request).0
    }

    /// Publishes a message, which must be accepted.
    pub fn publish(&mut self, channel: &str, message: &str) {
        assert_eq!(self.try_publish(channel, message), 204);
    }

    /// A number of the statistics.
    pub fn statistic(&mut self, name: &str) -> u64 {
        let statistics = self.statistics();
        statistics[name].as_u64().unwrap_or_else(|| panic!("no {name} in {statistics}"))
    }

    /// All numbers of the statistics.
    pub fn statistics(&mut self) -> serde_json::Value {
        let request = format!(
            "GET /api/stats?mode=json&verbose=0 HTTP/1.1\r\nhost: x\r\n\
             authorization: Bearer {}\r\n\r\n",
            self.secret
        );
        let (status, body) = self.ask(&request);
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    /// Deletes a channel at a publisher location; returns the status.
    pub fn delete(&mut self, target: &str) -> u16 {
        self.ask(&format!("DELETE {target} HTTP/1.1\r\nhost: x\r\n\r\n")).0
    }

    fn ask(&mut self, request: &str) -> (u16, Vec<u8>) {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        let status = head[9..12].parse().unwrap();
        let fields = head.to_ascii_lowercase();
        let length = fields.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).unwrap();
        (status, body)
    }
}
