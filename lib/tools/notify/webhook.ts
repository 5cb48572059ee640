/** A POST of JSON. Its address is a secret (whoever has it can post): no text of ours holds more than its host. */
import { errno } from '../../kit/errors.ts'

/** Milliseconds. Nothing else is looked after meanwhile. */
const longest = 10_000

/** @returns what went wrong, or null */
export async function tellWebhook(address: string, body: unknown, limit = longest): Promise<string | null> {
  const url = new URL(address)
  const headers = new Headers({ 'content-type': 'application/json', 'user-agent': 'dirigent' })
  if (url.username !== '') headers.set('authorization', `Basic ${credentialsOf(url)}`)
  url.username = ''
  url.password = ''
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      // Elsewhere nobody is meant to read it.
      redirect: 'manual',
      signal: AbortSignal.timeout(limit),
    })
    await answer.body?.cancel()
    if (answer.ok) return null
    const redirected = answer.status >= 300 && answer.status < 400
    return `${url.host} answered ${answer.status}${redirected ? ', a redirection, which is not followed' : ''}`
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') return `${url.host} did not answer`
    if (!(error instanceof TypeError)) throw error
    return `${url.host} cannot be reached (${errno(error.cause) ?? 'no answer that makes sense'})`
  }
}

const credentialsOf = ({ username, password }: URL): string =>
  Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')

/** A percent sign that stands for itself makes an address that is none of ours to refuse. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
