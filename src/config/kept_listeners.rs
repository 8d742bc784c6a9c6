//! The listeners after a reload, which cannot open or close any.

use super::{Config, ListenAddress, Listener};

impl Config {
    /// Keeps the bound listeners, with the server and kind that are configured now. They stay first
    /// and in order, because a listener's id is its index. Configured listeners that are not bound
    /// follow: they are not served, but internal ones still hide internal endpoints from public
    /// listeners. Returns warnings for the operator.
    pub fn keep_listeners(&mut self, bound: &[Listener]) -> Vec<String> {
        let wanted = std::mem::take(&mut self.listeners);
        let mut warnings = Vec::new();
        for old in bound {
            let shown = old.address.show();
            let same = wanted.iter().find(|new| new.address.is_same_place(&old.address));
            let Some(new) = same else {
                warnings.push(format!(
                    "listener {shown} is no longer configured: it stays open without locations \
                     until the next restart"
                ));
                self.listeners.push(Listener { server: None, ..old.clone() });
                continue;
            };
            if let ListenAddress::Unix { mode, .. } = old.address
                && new.address != old.address
            {
                warnings.push(format!(
                    "listener {shown} keeps its mode {mode:04o}: restart to change it"
                ));
            }
            self.listeners.push(Listener { address: old.address.clone(), ..new.clone() });
        }
        for new in wanted {
            if !bound.iter().any(|old| old.address.is_same_place(&new.address)) {
                let address = new.address.show();
                warnings.push(format!("listener {address} is new: restart to open it"));
                self.listeners.push(new);
            }
        }
        let (bound, unbound) = self.listeners.split_at(bound.len());
        let is_internal = |listener: &Listener| listener.is_internal;
        if unbound.iter().any(is_internal) && !bound.iter().any(is_internal) {
            warnings.push(
                "no internal listener is open: /api/publish, /api/stats and internal locations \
                 cannot be reached until the next restart"
                    .to_owned(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(port: u16, server: Option<usize>) -> Listener {
        let address = ListenAddress::Tcp(([127, 0, 0, 1], port).into());
        Listener { address, is_internal: false, server }
    }

    fn reloaded(bound: &[Listener], wanted: Vec<Listener>) -> (Vec<Listener>, Vec<String>) {
        let mut config = Config { listeners: wanted, ..Config::default() };
        let warnings = config.keep_listeners(bound);
        (config.listeners, warnings)
    }

    #[test]
    fn listeners_keep_their_order_and_take_their_new_servers() {
        let bound = [listener(1, Some(0)), listener(2, None)];
        let internal = Listener { is_internal: true, ..listener(2, Some(4)) };
        let (listeners, warnings) = reloaded(&bound, vec![internal.clone(), listener(1, Some(3))]);
        assert_eq!(listeners, [listener(1, Some(3)), internal]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn new_and_vanished_listeners_wait_for_a_restart() {
        let bound = [listener(1, Some(5)), listener(2, Some(5))];
        let (listeners, warnings) =
            reloaded(&bound, vec![listener(3, Some(0)), listener(2, Some(0))]);
        assert_eq!(listeners, [listener(1, None), listener(2, Some(0)), listener(3, Some(0))]);
        assert_eq!(
            warnings,
            [
                "listener 127.0.0.1:1 is no longer configured: it stays open without locations \
                 until the next restart",
                "listener 127.0.0.1:3 is new: restart to open it"
            ]
        );
    }

    #[test]
    fn a_unix_listener_keeps_its_locations_when_only_its_mode_changes() {
        let unix = |mode: u32, server: Option<usize>| {
            let address = ListenAddress::Unix { path: "/run/rpushd.sock".into(), mode };
            Listener { address, is_internal: false, server }
        };
        let (listeners, warnings) = reloaded(&[unix(0o660, Some(5))], vec![unix(0o666, Some(1))]);
        assert_eq!(listeners, [unix(0o660, Some(1))]);
        let warning = "listener unix:/run/rpushd.sock keeps its mode 0660: restart to change it";
        assert_eq!(warnings, [warning]);
        let (listeners, warnings) = reloaded(&listeners, vec![unix(0o660, None)]);
        assert_eq!(listeners, [unix(0o660, None)]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn an_internal_listener_that_is_not_bound_is_warned_about() {
        let internal = Listener { is_internal: true, ..listener(2, None) };
        let (listeners, warnings) =
            reloaded(&[listener(1, None)], vec![listener(1, None), internal.clone()]);
        assert_eq!(listeners, [listener(1, None), internal]);
        assert_eq!(
            warnings,
            [
                "listener 127.0.0.1:2 is new: restart to open it",
                "no internal listener is open: /api/publish, /api/stats and internal locations \
                 cannot be reached until the next restart"
            ]
        );
    }
}
