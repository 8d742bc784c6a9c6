//! The access log, and debug lines about refused requests.

use super::clients::LogAddress;
use super::connection::ConnectionId;
use super::open_requests::Entry;
use super::state::State;
use crate::http::{Head, Status};
use crate::time::Now;

/// Target of the lines of the access log (see the `log` crate).
const ACCESS: &str = "rpushd::access";
/// Maximum number of bytes shown of a path. A stream keeps it for its line at the end.
const PATH_BYTES_SHOWN: usize = 1024;
/// Maximum number of bytes shown of a malformed path.
const TARGET_BYTES_SHOWN: usize = 256;

impl State {
    fn keeps_entries(&self) -> bool {
        self.config.log_access || log::log_enabled!(log::Level::Debug)
    }

    /// Records the beginning of a request.
    pub(super) fn record_request(&mut self, id: ConnectionId, head: &Head<'_>, now: Now) {
        if self.keeps_entries() {
            let starts = head.path.char_indices().map(|(start, _)| start);
            let end = starts.take_while(|start| *start <= PATH_BYTES_SHOWN).last().unwrap_or(0);
            let path =
                if head.path.len() > PATH_BYTES_SHOWN { &head.path[..end] } else { head.path };
            let what = format!("{} {}", head.method, path.escape_debug());
            self.record(id, what, now);
        }
    }

    /// Records a malformed request, which is going to be refused.
    pub(super) fn record_malformed(&mut self, id: ConnectionId, input: &[u8], now: Now) {
        if self.keeps_entries() {
            self.record(id, malformed_request(input), now);
        }
    }

    fn record(&mut self, id: ConnectionId, what: String, now: Now) {
        let entry = Entry { what: what.into(), began: now.monotonic, is_stream: false };
        self.log.requests.insert(id, entry);
    }

    /// Logs the answer to a request. `reason` is why it is refused; empty if it is not, or if there
    /// is nothing to add to the status.
    pub(super) fn log_answer(&mut self, id: ConnectionId, status: Status, reason: &str, now: Now) {
        if self.log.requests.is_empty() {
            return;
        }
        let Some(Entry { what, began, .. }) = self.log.requests.remove(id) else { return };
        let client = LogAddress(self.connections.client_address(id));
        let (code, phrase) = (status.0, status.reason());
        let separator = if reason.is_empty() { "" } else { ": " };
        if code >= 400 {
            log::debug!("refused {client} {what}: {code} {phrase}{separator}{reason}");
        }
        if self.config.log_access {
            let ms = now.monotonic.since(began).0;
            log::info!(target: ACCESS, "{client} {what} {code} {ms} ms{separator}{reason}");
        }
    }

    /// Logs that the answer to a request is a stream, which has begun. Its end is another line.
    pub(super) fn log_stream_start(&mut self, id: ConnectionId, status: Status, now: Now) {
        if self.log.requests.is_empty() {
            return;
        }
        let Some(mut entry) = self.log.requests.remove(id) else { return };
        if self.config.log_access {
            let client = LogAddress(self.connections.client_address(id));
            let (what, code, ms) = (&entry.what, status.0, now.monotonic.since(entry.began).0);
            log::info!(target: ACCESS, "{client} {what} {code} {ms} ms: stream begins");
            entry.is_stream = true;
            self.log.requests.insert(id, entry);
        }
    }

    /// Logs the end of a stream, if its beginning was logged.
    pub(super) fn log_stream_end(&mut self, id: ConnectionId, reason: &str, now: Now) {
        if self.log.requests.get(id).is_some_and(|entry| entry.is_stream) {
            self.log_end(id, "stream ended", reason, now);
        }
    }

    /// Logs that the client has disconnected, if a request or stream is in progress.
    pub(super) fn log_disconnect(&mut self, id: ConnectionId, reason: &str, now: Now) {
        match self.log.requests.get(id) {
            None => {}
            Some(entry) if entry.is_stream => self.log_end(id, "stream ended", reason, now),
            Some(_) => self.log_end(id, "-", reason, now),
        }
    }

    fn log_end(&mut self, id: ConnectionId, how: &str, reason: &str, now: Now) {
        let Some(Entry { what, began, .. }) = self.log.requests.remove(id) else { return };
        if self.config.log_access {
            let client = LogAddress(self.connections.client_address(id));
            let ms = now.monotonic.since(began).0;
            log::info!(target: ACCESS, "{client} {what} {how} {ms} ms: {reason}");
        }
    }
}

/// Method and path of a malformed head. Input that does not look like a request is not shown: it
/// may be a part of a body, or a header field with a secret.
fn malformed_request(input: &[u8]) -> String {
    let line = input.split(|byte| b"\r\n".contains(byte)).next().unwrap_or(input);
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_method = (1..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    if !is_method || !target.starts_with(b"/") {
        return "- -".to_owned();
    }
    let path = target.split(|byte| b"?#".contains(byte)).next().unwrap_or(target);
    let path = &path[..path.len().min(TARGET_BYTES_SHOWN)];
    format!("{} {}", method.escape_ascii(), path.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_malformed_head_only_method_and_path_are_shown() {
        for (input, shown) in [
            (&b"GET /a?token=secret HTTP/9.9\r\n"[..], "GET /a"),
            (b"GET /a\x1b[2J#secret", "GET /a\\x1b[2J"),
            (b"GET /\xff\r\nAuthorization: Bearer secret", "GET /\\xff"),
            (b"GET secret HTTP/1.1", "- -"),
            (b"{\"token\": \"/secret\"}", "- -"),
            (b"Authorization: /secret", "- -"),
            (b"\x16\x03\x01", "- -"),
            (b"", "- -"),
        ] {
            assert_eq!(malformed_request(input), shown);
        }
        let long = [b"GET /".as_slice(), &[b'a'; 9000]].concat();
        assert_eq!(malformed_request(&long).len(), "GET ".len() + TARGET_BYTES_SHOWN);
    }
}
