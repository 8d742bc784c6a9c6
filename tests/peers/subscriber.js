// Subscribes with a library of npm, connects again whenever it is cut off, and prints each control object and
// each envelope as one line of JSON. It goes on until it is killed.
//
// usage: subscriber.js LIBRARY ADDRESS CHANNELS TOKEN
//
// LIBRARY is eventsource, eventsource-parser or ws. NODE_PATH names the folder with the libraries.
'use strict';

const [library, address, channels, token] = process.argv.slice(2);
const CONTROL = ['hello', 'reset', 'expiring', 'goodbye'];

const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const sleep = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

// Reconnecting and the cursor are the library's business.
function eventSource() {
  const { EventSource } = require('eventsource');
  const source = new EventSource(`http://${address}/api/events/${channels}?token=${token}`);
  source.onmessage = ({ data }) => print(JSON.parse(data));
  for (const control of CONTROL) {
    source.addEventListener(`rpushd.${control}`, ({ data }) => print({ control, ...JSON.parse(data) }));
  }
}

// The library takes the stream apart, the rest is done here.
async function eventSourceParser() {
  const { createParser } = require('eventsource-parser');
  let [cursor, retry] = ['', 200];
  for (;;) {
    try {
      const parser = createParser({
        onEvent: ({ id, event, data }) => {
          if (id !== undefined) cursor = id;
          const object = JSON.parse(data);
          print(event?.startsWith('rpushd.') ? { control: event.slice(7), ...object } : object);
        },
        onRetry: (milliseconds) => { retry = milliseconds; },
        onError: print,
      });
      const answer = await fetch(`http://${address}/api/events/${channels}`, {
        headers: { authorization: `Bearer ${token}`, 'last-event-id': cursor },
      });
      if (answer.status !== 200) return print({ status: answer.status });
      const decoder = new TextDecoder();
      for await (const bytes of answer.body) parser.feed(decoder.decode(bytes, { stream: true }));
    } catch {
      // The daemon was killed, or is not there yet.
    }
    await sleep(retry);
    retry = 200;
  }
}

async function webSocket() {
  const { WebSocket } = require('ws');
  let [cursor, retry] = ['', 200];
  for (;;) {
    const url = `ws://${address}/api/websocket/${channels}?cursor=${cursor}`;
    const socket = new WebSocket(url, 'rpushd.v1', { headers: { authorization: `Bearer ${token}` } });
    await new Promise((closed) => {
      socket.on('error', () => {});
      socket.on('close', closed);
      socket.on('message', (text) => {
        const object = JSON.parse(text);
        cursor = object.cursor ?? object.id ?? cursor;
        retry = object.retry ?? retry;
        if (object.control !== 'heartbeat') print(object);
      });
    });
    await sleep(retry);
    retry = 200;
  }
}

({ eventsource: eventSource, 'eventsource-parser': eventSourceParser, ws: webSocket })[library]();
