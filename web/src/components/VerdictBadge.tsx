// A verdict: glyph, word and colour together.
import { Ban, Braces, Check, CircleDashed, Clock, Hourglass, MemoryStick, PieChart, ScrollText, Wrench, X, Zap, type LucideIcon } from 'lucide-react'
import { useMessages } from '../i18n/messages'
import { familyOf, type VerdictCode, type VerdictFamily } from '../util/verdict'

export const VERDICT_COLOURS: Record<VerdictFamily, string> = {
  accepted: 'text-accepted',
  wrong: 'text-wrong',
  limit: 'text-limit',
  runtime: 'text-runtime',
  compile: 'text-compile',
  internal: 'text-internal',
  muted: 'text-muted',
}

const GLYPHS: Record<VerdictCode, LucideIcon> = {
  AC: Check,
  PT: PieChart,
  WA: X,
  PE: X,
  TLE: Clock,
  ILE: Hourglass,
  MLE: MemoryStick,
  OLE: ScrollText,
  RTE: Zap,
  SV: Ban,
  CE: Braces,
  CLE: Braces,
  SK: CircleDashed,
  JE: Wrench,
  CANCELLED: Ban,
}

export function VerdictGlyph({ code, size = 16 }: { code: VerdictCode; size?: number }) {
  const Glyph = GLYPHS[code]
  return <Glyph aria-hidden size={size} strokeWidth={1.75} className={`shrink-0 ${VERDICT_COLOURS[familyOf(code)]}`} />
}

export function VerdictBadge({ code, suffix = '' }: { code: VerdictCode; suffix?: string }) {
  const m = useMessages()
  return (
    <span className={`inline-flex items-center gap-1.5 font-medium ${VERDICT_COLOURS[familyOf(code)]}`}>
      <VerdictGlyph code={code} />
      <span>
        {m.verdicts[code].word}
        {suffix !== '' && (suffix.startsWith('（') ? suffix : ` ${suffix}`)}
      </span>
    </span>
  )
}
