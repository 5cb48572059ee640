/**
 * The language of scripts: what the scripted model does when it is asked. Steps are plain JSON, so a script
 * can be registered by a test or written into a prompt (`marker.ts`). The builders only save quotes.
 *
 * A list of steps is one conversation. A resumed thread whose new prompt has no marker goes on in the list
 * where it stopped; a new marker starts anew. A function is asked for the steps of each prompt instead.
 */

/** Tokens that the response pretends to have used. Those of all its steps add up; none given: 1000 in, 100 out. */
export interface Usage {
  readonly input?: number
  readonly cached?: number
  readonly output?: number
  readonly reasoning?: number
}

/** An assistant message. `end` closes the turn here although steps follow: they are for the resumed thread. */
export interface Say {
  readonly say: string
  readonly end?: boolean
}

export interface Think {
  readonly think: string
}

/**
 * A shell command. Codex hands a command back unfinished after `yieldMs` (30 s at most); unless `pollUntilDone`
 * is false the model then asks for it again until it has ended.
 */
export interface Run {
  readonly run: string
  readonly pollUntilDone?: boolean
  readonly yieldMs?: number
}

/** A patch in codex's own format, from `*** Begin Patch` to `*** End Patch`. */
export interface Patch {
  readonly patch: string
}

/**
 * An HTTP error instead of a response: what the steps before it would have sent is dropped (but a hang has sent
 * the head already). Always, or `times` times.
 */
export interface Status {
  readonly status: number
  /** An object is sent as JSON. Without one, an error object in the provider's shape. */
  readonly body?: string | object
  /** Seconds. */
  readonly retryAfter?: number
  readonly times?: number
}

/** `response.failed` with this error code. Always, or `times` times. */
export interface Fail {
  readonly fail: string
  readonly message?: string
  readonly times?: number
}

/** The stream breaks off: in the middle of the next item, or after it but before the end. Once, or `times` times. */
export interface Cut {
  readonly cut: 'partial' | 'item'
  readonly times?: number
}

/** Silence until the client goes away or the model is released. Always, or `times` times. */
export interface Hang {
  readonly hang: true
  readonly times?: number
}

export interface Wait {
  readonly wait: number
}

export type Trouble = Status | Fail | Cut | Hang
export type Step = (Say | Think | Run | Patch | Trouble | Wait) & { readonly usage?: Usage }

/** What a function scenario knows when it decides. */
export interface Ask {
  /** Words after the scenario's name in the marker. */
  readonly args: readonly string[]
  /** From a line `Attempt: N` in the prompt; 1 without one. */
  readonly attempt: number
  /** 0 for the prompt with the marker; one more for each later prompt of a resumed thread. */
  readonly turn: number
  readonly prompt: string
  /** What hooks had it told since that prompt, oldest first. */
  readonly told: readonly string[]
  /** What the tools answered since that prompt, oldest first. */
  readonly outputs: readonly Output[]
  readonly model: string
}

export interface Output {
  readonly text: string
  /** Absent where codex tells none: a patch in code mode, a command that has not ended or could not start. */
  readonly exitCode?: number
}

/** The list of attempt N is the N-th; the last one serves all later attempts. */
export interface Attempts {
  readonly attempts: readonly (readonly Step[])[]
}

/** A function must give the same steps when it is asked the same again: it is asked with every request. */
export type Decide = (ask: Ask) => readonly Step[] | Promise<readonly Step[]>
export type Scenario = readonly Step[] | Attempts | Decide

type Extra<T> = Omit<
  T,
  'say' | 'think' | 'run' | 'patch' | 'status' | 'fail' | 'message' | 'cut' | 'hang'
> & {
  usage?: Usage
}

export const say = (text: string, extra: Extra<Say> = {}): Step => ({ say: text, ...extra })
export const think = (text: string, extra: Extra<Think> = {}): Step => ({ think: text, ...extra })
export const run = (command: string, extra: Extra<Run> = {}): Step => ({ run: command, ...extra })
export const patch = (text: string, extra: Extra<Patch> = {}): Step => ({ patch: text, ...extra })
export const status = (http: number, extra: Extra<Status> = {}): Step => ({ status: http, ...extra })
export const fail = (code: string, message?: string, extra: Extra<Fail> = {}): Step => ({
  fail: code,
  ...(message === undefined ? {} : { message }),
  ...extra,
})
export const cut = ({ after, times }: { after: Cut['cut']; times?: number }): Step => ({
  cut: after,
  ...(times === undefined ? {} : { times }),
})
export const hang = (extra: Extra<Hang> = {}): Step => ({ hang: true, ...extra })
export const wait = (ms: number): Step => ({ wait: ms })
