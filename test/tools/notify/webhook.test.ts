/** What a webhook can do to us: nothing, but say that it failed, without a word of its address but the host. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { tellWebhook } from '../../../lib/tools/notify/webhook.ts'

const seen: IncomingMessage[] = []
let answer: (response: ServerResponse) => void
const server = createServer((request, response) => {
  seen.push(request)
  request.resume()
  answer(response)
})
let host = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  seen.length = 0
})

const hook = (user = '') => `http://${user}${host}/services/s3cret?key=s3cret`

it.each<[string, (response: ServerResponse) => void, string | null]>([
  ['204', (response) => response.writeHead(204).end(), null],
  ['500', (response) => response.writeHead(500).end('s3cret'), 'answered 500'],
  [
    'a redirection',
    (to) => to.writeHead(307, { location: hook() }).end(),
    'a redirection, which is not followed',
  ],
  ['nothing', () => undefined, 'did not answer'],
  ['headers that never end', (response) => response.write('x'), null],
  ['the end of the line', (response) => response.destroy(), 'cannot be reached'],
])('one that answers %s', async (_, how, says) => {
  answer = how
  // An answer may be late on a busy machine; for one that never comes nobody waits long.
  const problem = await tellWebhook(hook(), { text: 'news' }, says === 'did not answer' ? 300 : 10_000)
  if (says === null) expect(problem).toBeNull()
  else expect(problem).toContain(says)
  expect(problem ?? '').not.toContain('s3cret')
  expect(seen).toHaveLength(1)
})

it('that is not there is said by its host alone', async () => {
  const problem = await tellWebhook('http://me:s3cret@127.0.0.1:1/s3cret', {})
  expect(problem).toMatch(/^127\.0\.0\.1:1 cannot be reached/)
})

it.each([
  ['me:pa%20ss@', 'me:pa ss'],
  ['me:100%@', 'me:100%'],
  ['me@', 'me:'],
])('is told who we are as its address has it: %s', async (user, sent) => {
  answer = (response) => response.end()
  expect(await tellWebhook(hook(user), {})).toBeNull()
  expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from(sent).toString('base64')}`)
})
