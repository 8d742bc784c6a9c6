// Reads the framed stream of the rpushd API (rpushd spec, section 5) as a web page does: fetch, then frames of
// a two-byte length and that many bytes, however the network cut them.
'use strict';

class FramedStream {
  static async open(origin, channel, token) {
    const answer = await fetch(`${origin}/api/stream/${encodeURIComponent(channel)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    return new FramedStream(answer);
  }

  constructor(answer) {
    this.status = answer.status;
    this.contentType = answer.headers.get('content-type');
    this.reader = answer.body?.getReader();
    this.bytes = new Uint8Array(0);
  }

  // The next frame's text; '' is a heartbeat, null the end of the stream.
  async next() {
    for (;;) {
      if (this.bytes.length >= 2) {
        const end = 2 + (this.bytes[0] << 8) + this.bytes[1];
        if (this.bytes.length >= end) {
          const text = new TextDecoder().decode(this.bytes.slice(2, end));
          this.bytes = this.bytes.slice(end);
          return text;
        }
      }
      const { done, value } = await this.reader.read();
      if (done) return null;
      const joined = new Uint8Array(this.bytes.length + value.length);
      joined.set(this.bytes);
      joined.set(value, this.bytes.length);
      this.bytes = joined;
    }
  }

  cancel() {
    return this.reader.cancel();
  }
}
