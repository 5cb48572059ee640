/** What each part of a pass is: see `pass.ts`, which has the list of them. */
import type { Context } from '../context.ts'
import type { Observed } from '../settle.ts'

export interface Part {
  readonly name: string
  /**
   * Does what is due; gives what it did, one line each.
   * @param seen the tasks as they stand after settling
   */
  run(context: Context, seen: Observed): Promise<readonly string[]>
  /**
   * When it next has something to do that no event announces; null: nothing ahead. The supervisor looks again then,
   * and stays until then although no task is under way.
   */
  next?(context: Context, seen: Observed): Promise<Date | null>
}
