// A stock client library lives with a node: it registers, logs a person in through the real
// authorize page (without JavaScript), posts with a picture, streams the answer, pages 500 posts.
// Arguments: origin, user name, password. Prints what it saw, as JSON.
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import zlib from 'node:zlib'
import megalodonModule from 'megalodon'
import { picture, withPage } from './browser.mjs'

const generator = megalodonModule.default ?? megalodonModule
const [origin, username, password] = process.argv.slice(2)
const REDIRECT = 'urn:ietf:wg:oauth:2.0:oob'

/** A small picture: a PNG of one colour. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc(body), 0)
    return Buffer.concat([frame.subarray(0, 4), body, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 120)])
  const pixels = Buffer.concat(Array.from({ length: height }, () => row))
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', zlib.deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** CRC-32 as PNG wants it; older Node.js has none of its own. */
function crc(bytes) {
  if (typeof zlib.crc32 === 'function') return zlib.crc32(bytes)
  let value = 0xffffffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  }
  return (value ^ 0xffffffff) >>> 0
}

const anonymous = generator('mastodon', origin)
const app = await anonymous.registerApp('Megalodon test', {
  scopes: ['read', 'write', 'follow'],
  redirect_uris: REDIRECT,
})

const code = await withPage(false, async (page) => {
  await page.goto(app.url)
  await page.fill('#login', username)
  await page.fill('#password', password)
  await picture(page, 'sign-in')
  await page.click('button[type=submit]')
  await page.waitForSelector('button[value=allow]')
  await picture(page, 'authorize')
  await page.click('button[value=allow]')
  await page.waitForSelector('input#code')
  return page.inputValue('input#code')
})

const token = await anonymous.fetchAccessToken(app.client_id, app.client_secret, code, REDIRECT)
const client = generator('mastodon', origin, token.accessToken ?? token.access_token)
const me = (await client.verifyAccountCredentials()).data

// Streams: the answer to a post comes through the socket.
const socket = await client.userStreaming()
const streamed = []
await new Promise((resolve, reject) => {
  socket.on('connect', resolve)
  socket.on('error', reject)
})
const arrived = new Promise((resolve) => {
  socket.on('update', (status) => {
    streamed.push(status)
    if (status.in_reply_to_id) resolve()
  })
})

const folder = mkdtempSync(join(tmpdir(), 'sovereign-media-'))
writeFileSync(join(folder, 'sea.png'), png(640, 480))
const file = createReadStream(join(folder, 'sea.png'))
const media = (await client.uploadMedia(file, { description: 'The sea', focus: '0.2,-0.4' })).data
const post = (await client.postStatus('With a picture', { media_ids: [media.id] })).data
const reply = (await client.postStatus('An answer', { in_reply_to_id: post.id })).data
await arrived
socket.stop()
rmSync(folder, { recursive: true, force: true })

for (let index = 0; index < 500; index++) await client.postStatus(`Post ${index}`)
const ids = []
let cursor
for (;;) {
  const page = (await client.getHomeTimeline({ limit: 40, ...(cursor && { max_id: cursor }) })).data
  if (page.length === 0) break
  ids.push(...page.map((status) => status.id))
  cursor = page[page.length - 1].id
}
console.log(
  JSON.stringify({
    me: { acct: me.acct, statuses: me.statuses_count },
    media: { type: media.type, blurhash: media.blurhash, description: media.description },
    post: { media: post.media_attachments.length, visibility: post.visibility },
    reply: { in_reply_to_id: reply.in_reply_to_id, parent: post.id },
    streamed: streamed.map((status) => status.content),
    paged: ids.length,
    distinct: new Set(ids).size,
  }),
)
process.exit(0)
