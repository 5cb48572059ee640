import { doctor } from '../../lib/flows/doctor.ts'
import { main } from '../../lib/kit/cli.ts'
import { doctorAnswer } from '../../lib/view/findings.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.doctor, async ({ directory, flags }) =>
  doctorAnswer(await doctor(directory, { fix: flags.fix === true }), flags.strict === true),
)
