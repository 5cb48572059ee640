/** Which script a conversation follows, and since which prompt. */

import type { Entry } from './conversation.ts'
import { findAttempt, findMarker, isAttempts } from './marker.ts'
import { type Output, type Scenario, type Step, say } from './scenario.ts'

export interface Script {
  /** The name in the marker, `inline`, or empty. */
  readonly name: string
  readonly steps: readonly Step[]
  /** The latest prompt. */
  readonly prompt: string
  /** Index of the entry that the script began with. */
  readonly since: number
  /** The same prompt, counted in prompts: this number outlives a compaction. */
  readonly ordinal: number
}

interface Prompt {
  readonly index: number
  readonly text: string
}

export async function chooseScript(
  entries: readonly Entry[],
  scenarios: ReadonlyMap<string, Scenario>,
  model: string,
): Promise<Script> {
  const prompts = entries.flatMap((entry, index) =>
    entry.kind === 'prompt' ? [{ index, text: entry.text }] : [],
  )
  const latest = prompts.at(-1) ?? { index: -1, text: '' }
  const from = (start: Prompt, name: string, steps: readonly Step[]): Script => {
    return { name, steps, prompt: latest.text, since: start.index, ordinal: prompts.indexOf(start) }
  }
  // A scenario named `default` serves prompts without a marker: specs that a real model could be given as well.
  const unmarked = scenarios.has('default') ? prompts[0] : undefined
  const marked = prompts.findLast(({ text }) => findMarker(text)) ?? unmarked
  const marker = marked && (findMarker(marked.text) ?? { name: 'default', args: [] })
  if (!marked || !marker) return from(latest, '', [say('no scenario in the prompt')])

  const scenario = marker.script ?? scenarios.get(marker.name)
  if (!scenario) return from(marked, marker.name, [say(`there is no scenario "${marker.name}"`)])
  const turns = prompts.slice(prompts.indexOf(marked))
  const numbered = turns.findLast(({ text }) => findAttempt(text) !== undefined)
  const attempt = findAttempt(numbered?.text ?? '') ?? 1
  if (isAttempts(scenario)) {
    const steps = scenario.attempts[attempt - 1] ?? scenario.attempts.at(-1) ?? []
    return from(numbered ?? marked, marker.name, steps)
  }
  if (typeof scenario !== 'function') return from(marked, marker.name, scenario)
  const told = entries
    .slice(latest.index)
    .flatMap((entry) => (entry.kind === 'told' || entry.kind === 'notice' ? [entry.text] : []))
  const ask = { attempt, turn: turns.length - 1, prompt: latest.text, told, model }
  const steps = await scenario({ ...ask, args: marker.args, outputs: outputsOf(entries.slice(latest.index)) })
  return from(latest, marker.name, steps)
}

/** A poll goes on with the output of the command before it. */
function outputsOf(entries: readonly Entry[]): Output[] {
  const outputs: Output[] = []
  for (const entry of entries) {
    if (entry.kind !== 'output') continue
    const before = entry.poll ? outputs.pop() : undefined
    outputs.push({ ...entry.output, text: (before?.text ?? '') + entry.output.text })
  }
  return outputs
}
