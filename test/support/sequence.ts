/**
 * Which files come first. One that takes long and is begun last keeps a single worker busy at the end, and a new clone
 * knows of a file only how many bytes it has: the proofs by faults have few.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const long = /\/test\/(?:chaos|demo|bench|skill)\//

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) => long.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}
