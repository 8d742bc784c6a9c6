// Mints tokens with npm's `jose` and prints one a line: a good one, one for several channels, one signed with another
// secret, one with another algorithm.
//
// usage: mint.js SECRET CHANNEL
'use strict';

const { SignJWT } = require('jose');

const [secret, channel] = process.argv.slice(2);

function minted(claims, key = secret, alg = 'HS256') {
  return new SignJWT({ scope: 'subscribe', ...claims })
    .setProtectedHeader({ alg, typ: 'JWT' })
    .setAudience('rpushd')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(key));
}

(async () => {
  console.log(await minted({ channel }));
  console.log(await minted({ channels: ['other', `${channel.slice(0, 2)}*`], sub: '7', jti: 't-1' }));
  console.log(await minted({ channel }, `${secret}-other`));
  console.log(await minted({ channel }, secret, 'HS512'));
})();
