/** The text of a message: from the command line, a file or stdin; checked in the same way for every verb that takes one. */
import { Failure } from '../kit/errors.ts'
import { messageLimit } from '../state/message-file.ts'
import { readSource } from './source.ts'

export interface Speech {
  /** `dirigent send` */
  readonly verb: string
  /** `dirigent send ID TEXT, dirigent send ID --file FILE, or - for stdin` */
  readonly how: string
  /** Bytes; default: what a message may have. */
  readonly limit?: number
}

export const sending: Speech = {
  verb: 'dirigent send',
  how: 'dirigent send ID TEXT, dirigent send ID --file FILE, or - for stdin',
}

/** Throws `usage`, `bad-message` or `message-not-found`. */
export async function readMessageText(
  speech: Speech,
  text: string | undefined,
  file: string | undefined,
): Promise<string> {
  const { verb, how } = speech
  if ((text === undefined) === (file === undefined))
    throw new Failure('usage', `${verb} needs either a text or --file`, { hint: `Type ${how}.` })
  const check = (bytes: Buffer, name: string) => checkText(speech, bytes, name)
  const source = file ?? (text === '-' ? '-' : undefined)
  if (source === undefined) return check(Buffer.from(text ?? ''), 'the message')
  const wanted = {
    limit: speech.limit ?? messageLimit,
    bad: 'bad-message',
    missing: 'message-not-found',
    hint: `Name what is to be told: ${how}.`,
    name: 'Name a text file',
    how,
  } as const
  return await readSource(source, wanted, check)
}

function checkText({ how, limit = messageLimit }: Speech, bytes: Buffer, name: string): string {
  const bad = (message: string, hint = `Say what is to be told: ${how}.`) =>
    new Failure('bad-message', message, { hint })
  if (bytes.length > limit)
    throw bad(
      `${name} is longer than ${limit} bytes, which is the most for a message`,
      'Put long material into a file and point to it.',
    )
  if (bytes.includes(0)) throw bad(`${name} is not text: it holds a NUL byte`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (text.trim() !== '') return text
  } catch (error) {
    if (error instanceof TypeError) throw bad(`${name} is not UTF-8 text`)
    throw error
  }
  throw bad(`${name} says nothing`)
}
