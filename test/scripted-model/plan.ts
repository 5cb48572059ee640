/**
 * Which of a script's steps one response plays: from where the conversation stands up to the next call or the
 * end of the turn. Troubles that have had their times are left out; counting them is the only memory here.
 */

import { isCall } from './position.ts'
import type { Step, Trouble } from './scenario.ts'

/** How often each trouble has been played, by thread, prompt, script and step. */
export type Counts = Map<string, number>

export function planResponse(steps: readonly Step[], at: number, key: string, counts: Counts): Step[] {
  const planned: Step[] = []
  let cutting = false
  for (const [index, step] of steps.entries()) {
    if (index < at) continue
    if (isTrouble(step)) {
      const played = counts.get(`${key} ${index}`) ?? 0
      if (played >= (step.times ?? ('cut' in step ? 1 : Number.POSITIVE_INFINITY))) continue
      counts.set(`${key} ${index}`, played + 1)
    }
    planned.push(step)
    if (isCall(step) || 'fail' in step || 'status' in step || ('say' in step && (step.end || cutting))) break
    cutting ||= 'cut' in step
  }
  return planned
}

function isTrouble(step: Step): step is Trouble & Step {
  return 'status' in step || 'fail' in step || 'cut' in step || 'hang' in step
}
