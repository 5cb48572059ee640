/** Runs the commands of the demo and shows them as a person would have typed them. */
import { join } from 'node:path'
import { styleText } from 'node:util'
import { execa } from 'execa'
import { packageRoot } from '../../lib/kit/package.ts'
import type { VerbName } from '../../lib/view/verbs.ts'
import type { Place } from './place.ts'

/** A demo that did not go as it should: what happened, and where to look. */
export class DemoFailure extends Error {}

const coloured = process.stdout.isTTY && !process.env.NO_COLOR

export function print(text = ''): void {
  process.stdout.write(`${text}\n`)
}

export function heading(text: string): void {
  print(`\n${coloured ? styleText('bold', text) : text}`)
}

export class Stage {
  readonly place: Place
  readonly #signal: AbortSignal

  /** @param signal ends whatever runs */
  constructor(place: Place, signal: AbortSignal) {
    this.place = place
    this.#signal = signal
  }

  /** Runs a verb and shows it; anything but exit 0 ends the demo. */
  async verb(name: VerbName, ...args: string[]): Promise<void> {
    const said = await this.quietly(name, ...args)
    show(`dirigent ${[name, ...args].join(' ')}`, said)
  }

  /** Runs a verb; what it answered. */
  async quietly(name: VerbName, ...args: string[]): Promise<string> {
    const { exitCode, said } = await this.#run(join(packageRoot(), 'bin', 'dirigent'), [name, ...args])
    if (exitCode === 0) return said
    throw new DemoFailure(`dirigent ${name} ended with exit code ${exitCode}:\n${said}`)
  }

  /** Runs git in the repository; what it printed. */
  async git(...args: string[]): Promise<string> {
    const { exitCode, said } = await this.#run('git', args)
    if (exitCode === 0) return said
    throw new DemoFailure(`git ${args.join(' ')} ended with exit code ${exitCode}:\n${said}`)
  }

  /** Runs the repository's tests; how many passed and failed. */
  async tests(): Promise<{ passed: number; failed: number }> {
    const { said } = await this.#run('npm', ['test', '--silent'])
    const figure = (name: string) =>
      Number(new RegExp(`^\\W+${name} (\\d+)$`, 'm').exec(said)?.[1] ?? Number.NaN)
    const tests = { passed: figure('pass'), failed: figure('fail') }
    if (Number.isNaN(tests.passed + tests.failed)) throw new DemoFailure(`npm test gave no figures:\n${said}`)
    return tests
  }

  async #run(file: string, args: readonly string[]): Promise<{ exitCode: number; said: string }> {
    const { repo, env } = this.place
    const options = { cwd: repo, env, extendEnv: false, reject: false, all: true, stdin: 'ignore' } as const
    const done = await execa(file, args, { ...options, cancelSignal: this.#signal })
    this.#signal.throwIfAborted()
    if (done.exitCode === undefined) throw new DemoFailure(`${file} could not run: ${done.shortMessage}`)
    return { exitCode: done.exitCode, said: done.all }
  }
}

export function show(command: string, output: string): void {
  const prompt = `$ ${command}`
  print(coloured ? styleText('cyan', prompt) : prompt)
  if (output !== '') print(output.replace(/^/gm, '  '))
}
