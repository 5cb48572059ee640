/** Commit messages with our trailers. Pure. */

/** Names the attempt that made a commit. */
export const attemptTrailer = 'Dirigent-Attempt'

const ours = /^(?:Dirigent-[A-Za-z]+|Worker):/

/** Adds the trailers, replacing any of their kind (a worker may have written some itself). */
export function withTrailers(message: string, trailers: readonly (readonly [string, string])[]): string {
  const lines = message
    .replace(/\s+$/, '')
    .split('\n')
    .filter((line) => !ours.test(line))
  const body = lines.join('\n').replace(/\s+$/, '') || 'Work of a task'
  const paragraphs = body.split('\n\n')
  const last = paragraphs.at(-1) ?? ''
  const endsInTrailers =
    paragraphs.length > 1 && last.split('\n').every((line) => /^[A-Za-z][A-Za-z-]*: \S/.test(line))
  const block = trailers.map(([key, value]) => `${key}: ${value.replace(/\s+/g, ' ')}`).join('\n')
  return `${body}${endsInTrailers ? '\n' : '\n\n'}${block}\n`
}
