//! What a reload makes of the listeners: those that are bound stay, whatever the new configuration asks for.

use super::{Config, Listener};

impl Config {
    /// Puts the bound listeners first, in their order, because a listener's id is its index; each takes the
    /// server and the kind that are configured now. Listeners that are not bound come behind them: they
    /// answer nothing, but what is internal stays hidden for them. Returns what the operator should know.
    pub fn keep_listeners(&mut self, bound: &[Listener]) -> Vec<String> {
        let wanted = std::mem::take(&mut self.listeners);
        let mut warnings = Vec::new();
        for old in bound {
            let same = wanted.iter().find(|listener| listener.address == old.address);
            self.listeners.push(same.cloned().unwrap_or_else(|| {
                let address = old.address.show();
                warnings.push(format!(
                    "{address} is not configured any more; it stays open, without locations, until \
                     a restart"
                ));
                Listener { server: None, ..old.clone() }
            }));
        }
        for new in wanted {
            if bound.iter().all(|old| old.address != new.address) {
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
    use crate::config::ListenAddress;

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
