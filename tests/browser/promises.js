// What the browser must see, one function per promise. run.py calls each by its name in a page of its own.
'use strict';

const settings = Object.fromEntries(new URLSearchParams(location.search));
const MODES = ['eventsource', 'websocket', 'stream', 'longpolling', 'jsonp'];
const TEXTS = ['plain', 'with "quotes"', 'Grüße, 世界 ☃', '100 % {}[]<b>&amp;', 'two\nlines\r\n', ' '];

function same(seen, expected, what) {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: saw ${left}, expected ${right}`);
}

// What arrives one by one, to be awaited one by one.
class Mailbox {
  constructor() {
    this.letters = [];
    this.waiting = [];
  }
  put(letter) {
    this.waiting.length ? this.waiting.shift()(letter) : this.letters.push(letter);
  }
  next() {
    if (this.letters.length) return Promise.resolve(this.letters.shift());
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  async take(count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }
}

// A client whose news can be awaited.
class Listener {
  constructor(options) {
    this.client = new PushClient(options);
    this.openings = new Mailbox();
    this.messages = new Mailbox();
    this.deletions = new Mailbox();
    this.ends = new Mailbox();
    this.client.onopen = () => this.openings.put('open');
    this.client.onmessage = (message) => this.messages.put(message);
    this.client.onchanneldeleted = (channel) => this.deletions.put(channel);
    this.client.onend = (why) => this.ends.put(why);
  }
  // Until the daemon counts the subscription: opening says for polling modes only that a request is under way.
  async connect() {
    this.client.connect();
    await this.openings.next();
    await subscriberCount(this.client.channels[0], 1);
  }
  async texts(count) {
    return (await this.messages.take(count)).map((message) => message.text);
  }
}

function unique(name) {
  return `${name}-${crypto.getRandomValues(new Uint32Array(2)).join('')}`;
}

async function subscriberCount(channel, wanted) {
  for (;;) {
    const answer = await fetch(`/channels-stats?id=${channel}`);
    if (answer.status === 200 && (await answer.json()).subscribers === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function publish(channel, text, headers = {}) {
  const answer = await fetch(`/pub?id=${channel}`, { method: 'POST', body: encodeURIComponent(text), headers });
  same(answer.status, 200, 'the answer to a publisher');
  return answer.json();
}

const promises = {};

for (const mode of MODES) {
  promises[`${mode}: opens and gets messages in order`] = async () => {
    const channel = unique(mode);
    const listener = new Listener({ mode, channels: [channel] });
    await listener.connect();
    for (const text of TEXTS) await publish(channel, text);
    const messages = await listener.messages.take(TEXTS.length);
    same(messages.map((message) => [message.id, message.channel, message.text]),
      TEXTS.map((text, index) => [index + 1, channel, text]), 'messages');
    listener.client.disconnect();
  };

  promises[`${mode}: gets what is sent by itself, on each of its channels`] = async () => {
    const channels = [unique(mode), unique(mode)];
    const listener = new Listener({ mode, channels });
    await listener.connect();
    await listener.client.send('from the page');
    const messages = await listener.messages.take(2);
    same(messages.map((message) => [message.channel, message.text]),
      channels.map((channel) => [channel, 'from the page']), 'messages');
    listener.client.disconnect();
  };

  promises[`${mode}: goes on after a reconnect without loss or repetition`] = async () => {
    const channel = unique(mode);
    const listener = new Listener({ mode, channels: [channel] });
    await listener.connect();
    await publish(channel, 'before');
    same(await listener.texts(1), ['before'], 'the message before');
    listener.client.disconnect();
    await subscriberCount(channel, 0);
    for (const text of ['missed one', 'missed two']) await publish(channel, text);
    listener.client.connect();
    same(await listener.texts(2), ['missed one', 'missed two'], 'missed messages');
    await subscriberCount(channel, 1);
    await publish(channel, 'after');
    same(await listener.texts(1), ['after'], 'the message after');
    listener.client.disconnect();
  };

  promises[`${mode}: starts with old messages by backtrack`] = async () => {
    const channel = unique(mode);
    for (const text of ['one', 'two', 'three']) await publish(channel, text);
    const listener = new Listener({ mode, channels: [channel], backtrack: 2 });
    listener.client.connect();
    same(await listener.texts(2), ['two', 'three'], 'old messages');
    listener.client.disconnect();
  };

  promises[`${mode}: is told that its channel was deleted`] = async () => {
    const channel = unique(mode);
    const listener = new Listener({ mode, channels: [channel] });
    await listener.connect();
    const answer = await fetch(`/pub?id=${channel}`, { method: 'DELETE' });
    same(answer.status, 200, 'the answer to the deletion');
    same(await listener.deletions.next(), channel, 'the deleted channel');
    listener.client.disconnect();
  };

  promises[`${mode}: is ended at the limit and comes back by itself`] = async () => {
    const channel = unique(mode);
    const listener = new Listener({ mode, channels: [channel] });
    await listener.connect();
    await publish(channel, 'before');
    same(await listener.texts(1), ['before'], 'the message before');
    const began = performance.now();
    let why;
    do why = await listener.ends.next(); while (why === 200);
    same(why, ['longpolling', 'jsonp'].includes(mode) ? 304 : 'timeout', 'the reason');
    const waited = performance.now() - began;
    if (waited < 2000) throw new Error(`ended after ${waited} ms`);
    await publish(channel, 'while away');
    same(await listener.texts(1), ['while away'], 'the message after');
    listener.client.disconnect();
  };
}

promises['longpolling: goes on by the headers of the last answer'] = async () => {
  const channel = unique('headers');
  const listener = new Listener({ mode: 'longpolling', channels: [channel], byArgument: false });
  await listener.connect();
  await publish(channel, 'one');
  same(await listener.texts(1), ['one'], 'the first message');
  listener.client.disconnect();
  await subscriberCount(channel, 0);
  for (const text of ['two', 'three']) await publish(channel, text);
  listener.client.connect();
  same(await listener.texts(2), ['two', 'three'], 'the messages of one second');
  listener.client.disconnect();
};

for (const mode of ['longpolling', 'eventsource']) {
  promises[`${mode}: is allowed from another origin`] = async () => {
    const channel = unique('cross');
    const listener = new Listener({ mode, channels: [channel], origin: settings.daemon });
    await listener.connect();
    await listener.client.send('across');
    same(await listener.texts(1), ['across'], 'the message');
    listener.client.disconnect();
  };
}

promises['eventsource: the browser itself goes on after the last event id'] = async () => {
  const channel = unique('event');
  const events = new Mailbox();
  const source = new EventSource(`/ev/${channel}`);
  source.onmessage = (event) => events.put([event.lastEventId, JSON.parse(event.data).text]);
  source.addEventListener('named', (event) => events.put([event.type, JSON.parse(event.data).text]));
  const opened = new Promise((resolve) => (source.onopen = resolve));
  await opened;
  await publish(channel, 'one', { 'Event-Id': 'first' });
  same(await events.next(), ['first', 'one'], 'the first event');
  const again = new Promise((resolve) => (source.onopen = resolve));
  await new Promise((resolve) => (source.onerror = resolve));
  await publish(channel, 'two', { 'Event-Id': 'second' });
  await publish(channel, 'three', { 'Event-Id': 'third', 'Event-Type': 'named' });
  await again;
  same(await events.take(2), [['second', 'two'], ['named', 'three']], 'the missed events');
  source.close();
};

promises['websocket: agrees on compression and hears why it is refused'] = async () => {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/ALL`);
  const closed = await new Promise((resolve) => (socket.onclose = resolve));
  same([closed.code, closed.reason],
    [1008, '{"http_status": 403, "explain":"Channel id not authorized for this method."}'], 'the refusal');
  const compressed = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/${unique('deflate')}`);
  await new Promise((resolve) => (compressed.onopen = resolve));
  if (!compressed.extensions.includes('permessage-deflate')) throw new Error(`agreed on "${compressed.extensions}"`);
  const text = 'again and again '.repeat(50000);
  compressed.send(text);
  const echoed = await new Promise((resolve) => (compressed.onmessage = resolve));
  same(JSON.parse(echoed.data).text === text, true, 'the long text is the same');
  compressed.close(4000, 'enough');
  const end = await new Promise((resolve) => (compressed.onclose = resolve));
  same([end.code, end.wasClean], [4000, true], 'the end');
};

promises['framed: is read through fetch from an allowed origin'] = async () => {
  const stream = await FramedStream.open(settings.daemon, settings.channel, settings.token);
  same([stream.status, stream.contentType], [200, 'application/octet-stream'], 'the answer');
  same(await stream.next(), '', 'the first frame');
  const texts = Array.from({ length: 50 }, (_, index) => `{"number":${index}}`);
  for (const text of texts) {
    const answer = await fetch(`/pub?id=${settings.channel}`, { method: 'POST', body: text });
    same(answer.status, 200, 'the answer to a publisher');
  }
  const seen = [];
  while (seen.length < texts.length) {
    const text = await stream.next();
    if (text !== '') seen.push(text);
  }
  same(seen, texts, 'messages');
  await stream.cancel();
};

promises['framed: a wrong token is told to the page'] = async () => {
  const stream = await FramedStream.open(settings.daemon, settings.channel, settings.token + 'x');
  same(stream.status, 401, 'the status');
};

// run.py opens this one by another host name, which makes another origin.
promises['framed: is kept from an origin that is not allowed'] = async () => {
  const refused = await FramedStream.open(settings.daemon, settings.channel, settings.token).catch((error) => error.name);
  same(refused, 'TypeError', 'what fetch says');
};

const LIMIT_MS = 30000;

// For run.py: '' when the promise holds, else what is wrong.
async function check(name) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`nothing after ${LIMIT_MS} ms`)), LIMIT_MS));
  try {
    await Promise.race([promises[name](), late]);
    return '';
  } catch (error) {
    return `${error.message}\n${error.stack}`;
  }
}
