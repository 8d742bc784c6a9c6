// A small client of push-stream locations. It relies on what the module's own client, pushstream.js,
// relies on (push-stream spec, section 24): URLs, control values, the form of messages, how each mode ends.
'use strict';

const PREFIXES = { eventsource: '/ev', websocket: '/ws', stream: '/sub', longpolling: '/lp', jsonp: '/jsonp' };
const EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT';
const RECONNECT_MS = 100;

// The page in an iframe of the stream mode finds its client here; JSONP answers are called by name.
const clients = new Map();
window.PushStream = {
  register(frame) {
    const id = Number(/[?&]streamid=(\d+)/.exec(frame.location.href)[1]);
    frame.p = (...fields) => {
      const [id_, channel, text, eventid, time, tag] = fields;
      clients.get(id)?.take({ id: id_, channel, text, eventid, time, tag });
    };
    clients.get(id)?.opened();
  },
};

// By the same rule as the stream's page, so that the two may talk to each other.
try {
  const host = location.hostname, parts = host.split('.');
  const kept = Math.max(parts.length - 1, /(\w{4,}\.\w{2}|\.\w{3,})$/.test(host) ? 2 : 3);
  document.domain = /^(\d{1,3}\.){3}\d{1,3}$/.test(host) ? host : parts.slice(-kept).join('.');
} catch (error) { /* the browser keeps origins apart */ }

class PushClient {
  // `origin` is that of the daemon, by default the page's own. With `byArgument` the client tells in the
  // query where it goes on; without, long-polling does so by headers and other modes not at all.
  constructor({ mode, channels, origin = location.origin, byArgument = true, backtrack = 0 }) {
    Object.assign(this, { mode, channels, origin, byArgument, backtrack });
    this.id = clients.size + 1;
    this.control = { tag: 0, time: '', eventid: '' };
    this.isOpen = this.isWanted = false;
    this.onopen = this.onmessage = this.onchanneldeleted = this.onend = () => {};
    clients.set(this.id, this);
  }

  connect() {
    this.isWanted = true;
    this.close = this[this.mode]();
  }

  disconnect() {
    this.isWanted = this.isOpen = false;
    this.close();
  }

  url(extra = {}) {
    const backtrack = this.backtrack && !this.control.time ? `.b${this.backtrack}` : '';
    const path = this.channels.map((channel) => `/${channel}${backtrack}`).join('');
    const { tag, time, eventid } = this.byArgument ? this.control : { tag: '', time: '', eventid: '' };
    const query = new URLSearchParams({ _: Date.now(), qs: this.byArgument ? 'on' : '', tag, time, eventid, ...extra });
    return this.origin + PREFIXES[this.mode] + path + '?' + query.toString().replaceAll('+', '%20');
  }

  opened() {
    if (!this.isOpen) {
      this.isOpen = true;
      this.onopen();
    }
  }

  // The connection is over; why is one of: timeout (the server ended it), 304, or an error status.
  ended(why) {
    this.isOpen = false;
    this.onend(why);
    if (this.isWanted) setTimeout(() => this.isWanted && this.connect(), RECONNECT_MS);
  }

  take(message) {
    const { id, channel, text, tag, time, eventid } = message;
    if (id === -2) return this.onchanneldeleted(channel);
    if (!(id > 0)) return;
    this.control = { tag: Number(tag), time, eventid };
    this.onmessage({ ...message, text: typeof text === 'string' ? decodeURIComponent(text) : text });
  }

  eventsource() {
    const source = new EventSource(this.url());
    source.onopen = () => this.opened();
    source.onmessage = (event) => this.take(JSON.parse(event.data));
    source.onerror = () => {
      source.close();
      this.ended('timeout');
    };
    return () => source.close();
  }

  websocket() {
    const socket = (this.socket = new WebSocket(this.url().replace(/^http/, 'ws')));
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = (event) => this.ended(event.reason || 'timeout');
    return () => {
      socket.onclose = null;
      socket.close();
    };
  }

  stream() {
    const frame = document.createElement('iframe');
    frame.style.display = 'none';
    frame.src = this.url({ streamid: this.id });
    frame.onload = () => {
      frame.remove();
      this.ended('timeout');
    };
    document.body.append(frame);
    return () => {
      frame.onload = null;
      frame.remove();
    };
  }

  longpolling() {
    const request = new XMLHttpRequest();
    request.open('GET', this.url());
    if (!this.byArgument) {
      request.setRequestHeader('If-None-Match', String(this.etag ?? 0));
      request.setRequestHeader('If-Modified-Since', String(this.lastModified ?? null));
    }
    request.onload = () => {
      if (request.status !== 200) return this.ended(request.status);
      this.etag = request.getResponseHeader('Etag');
      this.lastModified = request.getResponseHeader('Last-Modified');
      const joined = request.responseText.replace(/\}(\r\n)?\{/g, '},{');
      for (const message of JSON.parse(`[${joined}]`)) this.take(message);
      this.ended(200);
    };
    request.onerror = () => this.ended('error');
    request.send();
    this.opened();
    return () => request.abort();
  }

  jsonp() {
    const name = `answer${this.id}`;
    const script = document.createElement('script');
    let messages = null;
    window[name] = (array) => (messages = array);
    script.src = this.url({ callback: name });
    const finished = (why) => {
      script.remove();
      for (const message of messages ?? []) this.take(message);
      this.ended(why);
    };
    script.onload = () => finished(messages ? 200 : 304);
    script.onerror = () => finished(304);
    document.body.append(script);
    this.opened();
    return () => {
      script.onload = script.onerror = null;
      window[name] = () => {};
      script.remove();
    };
  }

  // Over an open WebSocket as one frame, else by a request; the text travels percent-encoded.
  async send(text) {
    if (this.socket?.readyState === WebSocket.OPEN) return this.socket.send(encodeURIComponent(text));
    const path = this.channels.map((channel) => `/${channel}`).join('');
    const answer = await fetch(`${this.origin}/pub?id=${path}&_=${Date.now()}`, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-type': 'application/x-www-form-urlencoded' },
      body: encodeURIComponent(text),
    });
    if (answer.status !== 200) throw new Error(`publishing was answered ${answer.status}`);
  }
}
