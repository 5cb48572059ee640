/** Start-up errors exist only as text among warnings, trace lines and a stack: this finds the sentence. */
import { oneLine } from '../../kit/text.ts'

const length = 500
/** Said in good runs too. */
const idle = /^(WARNING: proceeding|Reading (additional input|prompt) from stdin)/
const trace = /^\d{4}-\d\d-\d\dT\S+\s+(?:TRACE|DEBUG|INFO|WARN|ERROR)\s/

/** The reason in a program's last words, or an empty text. */
export function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !idle.test(line))
  const panic = lines.findIndex((line) => / panicked at /.test(line))
  if (panic !== -1) return oneLine(lines.slice(panic, panic + 2).join(' '), length)
  const spoken = lines.filter((line) => !trace.test(line))
  const named = spoken.findIndex((line) => /^error\b/i.test(line))
  // A configuration error goes on in the next line, which names the key.
  const sentence = named === -1 ? spoken.slice(0, 1) : spoken.slice(named, named + 2).filter(isReason)
  const last = lines.findLast((line) => trace.test(line))?.replace(trace, '')
  return oneLine(sentence.length > 0 ? sentence.join(' ') : (last ?? ''), length)
}

function isReason(line: string): boolean {
  return !/^(Usage:|Stack backtrace|For more information|\s+\d+: )/.test(line)
}
