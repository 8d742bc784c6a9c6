//! Reloading the configuration.

use super::connection::Phase;
use super::seam::{Server, padding_max};
use super::state::hub_settings;
use crate::config::Config;
use crate::time::Now;
use crate::transports::FormatId;
use std::collections::HashSet;
use std::rc::Rc;

impl Server {
    /// Puts a new configuration in force. Streams continue, unless `reload_ends_subscribers` is
    /// set. The bound listeners stay; what they answer follows the new configuration.
    pub fn reconfigure(&mut self, mut config: Config, now: Now) {
        let state = &mut self.state;
        state.keep_what_needs_a_restart(&mut config);
        state.memory.set_budget(&config.limits, &state.host);
        state.broker.hub.reconfigure(hub_settings(&config, &state.memory), now);
        let faces = self.faces.iter();
        self.faces =
            faces.map(|face| face.reconfigured(&config, &mut state.broker.formats)).collect();
        state.broker.padding_max = padding_max(&self.faces);
        state.set_config(config, now);
        state.recount_internal();
        state.recount_subscribers();
        state.configure_presence();
        if state.config.push_stream.reload_ends_subscribers {
            state.end_subscribers_at_reload(now);
        }
        self.remove_unused_formats();
        // Deadlines may be earlier now.
        let all = self.state.connections.ids();
        all.into_iter().for_each(|id| self.state.rearm(id));
        self.state.end_step(now);
    }

    /// Removes wire formats that nothing uses. Subscribers and replays keep using those of the
    /// configuration under which they began.
    fn remove_unused_formats(&mut self) {
        let mut used: HashSet<FormatId> = HashSet::new();
        self.faces.iter().for_each(|face| used.extend(face.formats()));
        let mut seen = HashSet::new();
        for (_, connection) in self.state.connections.iter() {
            used.extend(connection.outbox.fed_format());
            if let Phase::Subscriber(subscriber) = &connection.phase
                && seen.insert(Rc::as_ptr(&subscriber.profile))
            {
                used.extend(subscriber.profile.formats());
            }
        }
        self.state.broker.formats.retain(|id| used.contains(&id));
    }
}
