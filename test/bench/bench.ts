/** `npm run bench`: every figure that is claimed, measured beside its baseline in this very run. */
import setup from '../support/build.ts'
import { makeSandbox } from '../support/sandbox.ts'
import { benchEight } from './eight.ts'
import { benchForty } from './forty.ts'
import { benchHook } from './hook.ts'
import { benchMemory } from './memory.ts'
import { type Figure, printFigures } from './report.ts'
import { benchStart, stampedCodex } from './start.ts'
import { benchStatus } from './status.ts'
import { benchWait } from './wait.ts'

/** How often each is measured; and, for whoever works on one of them, which. */
const rounds = Number(process.argv[2] ?? 9)
const only = process.argv[3] ?? ''
await setup()
const measures: Readonly<Record<string, () => Promise<Figure[]>>> = {
  status: () => inSandbox((box) => benchStatus(box, rounds)),
  start: () =>
    inSandbox(async (box) => {
      const codex = stampedCodex(box)
      // As people have it: each spawn finds no supervisor, and starts one.
      const supervise = { auto: true }
      box.configure({ codex: { path: codex, config: box.model.codexConfig() }, supervise })
      return await benchStart(box, codex, rounds)
    }),
  hook: () => inSandbox((box) => benchHook(box, rounds)),
  eight: () => benchEight(Math.max(3, Math.floor(rounds / 2))),
  wait: () => inSandbox((box) => benchWait(box, rounds)),
  memory: () => inSandbox(benchMemory),
  forty: benchForty,
}
const figures: Figure[] = []
for (const [name, measure] of Object.entries(measures))
  if (name.startsWith(only)) figures.push(...(await measure()))
printFigures(figures)
process.exitCode = figures.every((figure) => figure.met) ? 0 : 1

async function inSandbox(
  measure: (box: Awaited<ReturnType<typeof makeSandbox>>) => Promise<Figure[]>,
): Promise<Figure[]> {
  const box = await makeSandbox()
  try {
    return await measure(box)
  } finally {
    await box.close()
  }
}
