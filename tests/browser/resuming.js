// A page that keeps a list of numbers up to date with a native EventSource and with a WebSocket, as the reference of the
// API (packaging/doc/api.md) says a client has to.
'use strict';

const settings = Object.fromEntries(new URLSearchParams(location.search));

// What both have in common: the list, and what is told besides messages.
class Subscriber {
  // `isRefreshed`: whether it gets a fresh token before its own ends.
  constructor(isRefreshed) {
    this.isRefreshed = isRefreshed;
    this.token = settings.token;
    this.cursor = '';
    this.list = [];
    this.controls = [];
    this.open();
  }

  get url() {
    return `${settings.daemon}/api/${this.kind}/${settings.channel}?token=${this.token}&cursor=${this.cursor}`;
  }

  message({ data }) {
    this.list.push(data);
  }

  control(name, object) {
    this.controls.push([name, object.reason].filter(Boolean).join(' '));
    if (name === 'hello') this.connection = object.connection;
    if (name === 'reset') this.list.push('reset');
    if (name === 'expiring' && this.isRefreshed) this.refresh();
  }
}

class Events extends Subscriber {
  get kind() {
    return 'events';
  }

  // The browser connects again by itself, with its Last-Event-ID.
  open() {
    const source = new EventSource(this.url);
    source.onmessage = ({ lastEventId, data }) => {
      this.cursor = lastEventId;
      this.message(JSON.parse(data));
    };
    for (const name of ['hello', 'reset', 'expiring', 'goodbye']) {
      source.addEventListener(`rpushd.${name}`, ({ lastEventId, data }) => {
        this.cursor = lastEventId;
        const object = JSON.parse(data);
        this.control(name, object);
        if (object.reason !== 'expired') return;
        // It would come back with the token that has expired.
        source.close();
        this.token = settings.fresh;
        setTimeout(() => this.open(), object.retry);
      });
    }
  }

  async refresh() {
    const answer = await fetch(`${settings.daemon}/api/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ connection: this.connection, token: settings.fresh }),
    });
    this.controls.push(`refreshed ${answer.status}`);
  }
}

class Socket extends Subscriber {
  get kind() {
    return 'websocket';
  }

  open() {
    let retry = 500;
    this.socket = new WebSocket(this.url.replace('http', 'ws'), 'rpushd.v1');
    this.socket.onmessage = ({ data }) => {
      const object = JSON.parse(data);
      this.cursor = object.cursor ?? object.id ?? this.cursor;
      retry = object.retry ?? retry;
      if (!object.control) this.message(object);
      else if (object.control !== 'heartbeat') this.control(object.control, object);
    };
    this.socket.onclose = ({ code }) => {
      if (code === 4001) this.token = settings.fresh;
      if (code >= 4000) this.controls.push(`closed ${code}`);
      setTimeout(() => this.open(), retry);
    };
  }

  refresh() {
    this.socket.send(JSON.stringify({ do: 'refresh', token: settings.fresh }));
  }
}

let subscribers = {};

function begin() {
  subscribers = {
    'an EventSource': new Events(true),
    'a WebSocket': new Socket(true),
    'an EventSource without refresh': new Events(false),
    'a WebSocket without refresh': new Socket(false),
  };
}

function lists() {
  return Object.fromEntries(
    Object.entries(subscribers).map(([name, { list, controls }]) => [name, { list, controls }]),
  );
}
