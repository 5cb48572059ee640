/** A supervisor lives for days, and has the code that it was started with. */
import { buildStamp } from '../../kit/package.ts'

/**
 * Is Dirigent built anew while this process has the old code? One that a verb has started gives way to one of the new
 * build. One that somebody has typed goes on, for its end would be taken for that of the work; it says so.
 */
export class Build {
  readonly #stamp = buildStamp('supervise')
  readonly #givesWay: boolean

  /** @param givesWay its lock can be handed down as it was handed to us */
  constructor(givesWay: boolean) {
    this.#givesWay = givesWay
  }

  isSucceeded(): boolean {
    return this.#givesWay && this.#isNew()
  }

  trouble(): readonly [string, string][] {
    if (this.#givesWay || !this.#isNew()) return []
    return [['build', 'Dirigent was built anew, and this one goes on as it was: start it again']]
  }

  #isNew(): boolean {
    // Without a build, as between two installations, there is nothing to give way to.
    return !['', this.#stamp].includes(buildStamp('supervise'))
  }
}
