// Verdicts as the API names them (`Verdict` in crates/cupel-types/src/verdict.rs), and the family that each belongs to.

export const VERDICT_CODES = [
  'AC', 'PT', 'WA', 'PE', 'TLE', 'ILE', 'MLE', 'OLE', 'RTE', 'SV', 'CE', 'CLE', 'SK', 'JE', 'CANCELLED',
] as const

export type VerdictCode = (typeof VERDICT_CODES)[number]

/** Group of verdicts with the same colour. A verdict is never shown by colour alone. */
export type VerdictFamily = 'accepted' | 'wrong' | 'limit' | 'runtime' | 'compile' | 'internal' | 'muted'

/** The verdict for a code from the server. An unknown code is shown as a failure of the judge, not of the program. */
export function verdictOf(code: string | null | undefined): VerdictCode | undefined {
  if (code === null || code === undefined) return undefined
  return VERDICT_CODES.find((known) => known === code) ?? 'JE'
}

export function familyOf(code: VerdictCode): VerdictFamily {
  switch (code) {
    case 'AC':
      return 'accepted'
    case 'WA':
    case 'PE':
      return 'wrong'
    case 'PT':
    case 'TLE':
    case 'ILE':
    case 'MLE':
    case 'OLE':
      return 'limit'
    case 'RTE':
    case 'SV':
      return 'runtime'
    case 'CE':
    case 'CLE':
      return 'compile'
    case 'JE':
      return 'internal'
    case 'SK':
    case 'CANCELLED':
      return 'muted'
  }
}

export const isFailure = (code: VerdictCode): boolean => code !== 'AC' && code !== 'SK' && code !== 'CANCELLED'
