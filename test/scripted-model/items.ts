/**
 * Steps as response items, in the dialect that the request offers: function tools, or code mode, where one tool
 * takes JavaScript and the real tools are called from there.
 */

import { randomUUID } from 'node:crypto'
import type { Unfinished } from './conversation.ts'
import type { Patch, Run, Step, Think } from './scenario.ts'

export type Item = Record<string, unknown>

/** Codex cuts longer waits down to this. */
const longestYieldMs = 30_000

export function itemOf(step: Step, tools: ReadonlySet<string>): Item | undefined {
  if ('say' in step) return messageItem(step.say)
  if ('think' in step) return reasoning(step)
  if ('run' in step) return tools.has('exec') ? codeRun(step) : functionRun(step)
  if ('patch' in step) return tools.has('exec') ? codePatch(step) : functionPatch(step, tools)
  return undefined
}

export function pollItem(unfinished: Unfinished, step: Step | undefined): Item {
  const yield_time_ms = (step && 'run' in step && step.yieldMs) || longestYieldMs
  return 'cell' in unfinished
    ? functionCall('wait', { cell_id: unfinished.cell, yield_time_ms })
    : functionCall('write_stdin', { session_id: unfinished.session, yield_time_ms })
}

export function messageItem(text: string): Item {
  return {
    type: 'message',
    id: id('msg'),
    role: 'assistant',
    content: [{ type: 'output_text', text, annotations: [] }],
  }
}

function reasoning({ think }: Think): Item {
  return { type: 'reasoning', id: id('rs'), summary: [{ type: 'summary_text', text: think }] }
}

function functionRun({ run, yieldMs = longestYieldMs }: Run): Item {
  return functionCall('exec_command', { cmd: run, yield_time_ms: yieldMs })
}

function functionPatch({ patch }: Patch, tools: ReadonlySet<string>): Item {
  if (tools.has('apply_patch')) return customCall('apply_patch', patch)
  return functionRun({ run: `apply_patch <<'END_OF_PATCH'\n${patch}\nEND_OF_PATCH` })
}

function codeRun({ run, yieldMs = longestYieldMs, pollUntilDone = true }: Run): Item {
  const poll = `while (r.session_id !== undefined) {
  const next = await tools.write_stdin({session_id: r.session_id, yield_time_ms: ${yieldMs}});
  r = {...next, output: r.output + next.output};
}
`
  return customCall(
    'exec',
    `// @exec: ${JSON.stringify({ yield_time_ms: yieldMs })}
let r = await tools.exec_command(${JSON.stringify({ cmd: run, yield_time_ms: yieldMs })});
${pollUntilDone ? poll : ''}text(JSON.stringify(r));`,
  )
}

function codePatch({ patch }: Patch): Item {
  return customCall('exec', `text(await tools.apply_patch(${JSON.stringify(patch)}));`)
}

function functionCall(name: string, args: Item): Item {
  return { type: 'function_call', id: id('fc'), call_id: id('call'), name, arguments: JSON.stringify(args) }
}

function customCall(name: string, input: string): Item {
  return { type: 'custom_tool_call', id: id('ctc'), call_id: id('call'), name, input }
}

/** Unique over restarts too, because a resumed thread brings old call ids along. */
function id(prefix: string): string {
  return `${prefix}_${randomUUID()}`
}
