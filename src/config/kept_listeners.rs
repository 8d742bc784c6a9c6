//! What a reload makes of the listeners: those that are bound stay as they are, whatever the new
//! configuration asks for.

use super::{Config, ListenAddress, Listener};

impl Config {
    /// Puts the bound listeners first, in their order, because a listener's id is its index; each
    /// takes the server and the kind that are configured now. Listeners that are not bound come
    /// behind them: they answer nothing, but what is internal stays hidden for them. Returns what
    /// the operator should know.
    pub fn keep_listeners(&mut self, bound: &[Listener]) -> Vec<String> {
        let wanted = std::mem::take(&mut self.listeners);
        let mut warnings = Vec::new();
        for old in bound {
            let shown = old.address.show();
            let same = wanted.iter().find(|new| new.address.is_same_place(&old.address));
            let Some(new) = same else {
                warnings.push(format!(
                    "{shown} is not configured any more; it stays open, without locations, until a \
                     restart"
                ));
                self.listeners.push(Listener { server: None, ..old.clone() });
                continue;
            };
            if let ListenAddress::Unix { mode, .. } = old.address
                && new.address != old.address
            {
                warnings.push(format!(
                    "{shown} keeps its permission bits, {mode:04o}, until a restart"
                ));
            }
            self.listeners.push(Listener { address: old.address.clone(), ..new.clone() });
        }
        for new in wanted {
            if !bound.iter().any(|old| old.address.is_same_place(&new.address)) {
                let address = new.address.show();
                warnings.push(format!("{address} is a new listener, which takes a restart"));
                self.listeners.push(new);
            }
        }
        let (bound, unbound) = self.listeners.split_at(bound.len());
        let is_internal = |listener: &Listener| listener.is_internal;
        if unbound.iter().any(is_internal) && !bound.iter().any(is_internal) {
            warnings.push(
                "no internal listener is bound: /api/publish, /api/stats and internal locations \
                 cannot be reached until a restart"
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
                "127.0.0.1:1 is not configured any more; it stays open, without locations, until a \
                 restart",
                "127.0.0.1:3 is a new listener, which takes a restart"
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
        let warning = "unix:/run/rpushd.sock keeps its permission bits, 0660, until a restart";
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
                "127.0.0.1:2 is a new listener, which takes a restart",
                "no internal listener is bound: /api/publish, /api/stats and internal locations \
                 cannot be reached until a restart"
            ]
        );
    }
}
