// Histograms of time and memory of the accepted solutions, with the user's own solution marked.
import { useQuery } from '@tanstack/react-query'
import type { Schema } from '../api/client'
import { distributionQuery } from '../api/distribution'
import { languagesQuery } from '../api/queries'
import { distribution } from '../i18n/distribution'
import { useLanguage, useTexts } from '../i18n/messages'
import { count, kibibytes, milliseconds } from '../util/format'
import { languageName } from '../util/language'

interface DistributionProps {
  slug: string
  /** Id of the language. */
  language: string
  submission: string
}

/** Shows nothing while the distribution is loading or if it cannot be loaded, because it is optional. */
export function Distribution({ slug, language, submission }: DistributionProps) {
  const t = useTexts(distribution)
  const found = useQuery(distributionQuery(slug, language, submission)).data
  const languages = useQuery(languagesQuery).data?.languages
  if (found === undefined) return null
  const known = languages?.find((one) => one.language_id === language)
  const name = known === undefined ? language : languageName(known)
  const { execution_time_ms: time, memory_used_kb: memory, frozen } = found
  return (
    <section aria-label={t.title} className="space-y-2 pt-3 border-t border-border">
      <h3 className="font-semibold">{t.title}</h3>
      {time == null && memory == null ? (
        <p className="text-muted">{t.few(name)}</p>
      ) : (
        <>
          <div className="grid gap-4 sm:grid-cols-2">
            {time != null && <Figures name={t.time} figures={time} unit={milliseconds} better={t.faster} />}
            {memory != null && <Figures name={t.memory} figures={memory} unit={kibibytes} better={t.smaller} />}
          </div>
          <p className="text-xs text-muted">{t.note(name)}</p>
        </>
      )}
      {frozen && <p className="text-xs text-muted">{t.frozen}</p>}
    </section>
  )
}

interface FiguresProps {
  name: string
  figures: Schema['HistogramView']
  unit: (figure: number) => string
  better: (percent: number) => string
}

/** Width of a histogram with few bars, which has room for the sentence above it; and the maximum width of a bar. */
const WIDTH_MIN_PX = 280
const BAR_MAX_PX = 24

/** A histogram; a sentence if it would be a single bar. */
function Figures(props: FiguresProps) {
  const t = useTexts(distribution)
  const { tag } = useLanguage()
  const { name, figures, unit } = props
  const { first, users, own } = figures
  if (users.length > 1) return <Bars {...props} />
  return (
    <div className="min-w-0">
      <p>{name}</p>
      {own != null && <p className="figure text-muted">{t.you(unit(own))}</p>}
      <p className="text-muted">{t.alike(count(users[0] ?? 0, tag), unit(first))}</p>
    </div>
  )
}

function Bars({ name, figures, unit, better }: FiguresProps) {
  const t = useTexts(distribution)
  const { tag } = useLanguage()
  const { first, width, users, own, better_than_percent: percent } = figures
  const highest = Math.max(...users)
  const last = users.length - 1
  const mine = own == null ? undefined : Math.min(last, Math.max(0, Math.floor((own - first) / width)))
  const all = users.reduce((sum, n) => sum + n, 0)
  const from = (bin: number) => unit(first + bin * width)
  const title = (bin: number, n: number) => (bin === last ? t.last(from(bin), count(n, tag)) : t.bar(from(bin), from(bin + 1), count(n, tag)))
  return (
    <div className="min-w-0" style={{ maxWidth: Math.max(WIDTH_MIN_PX, users.length * BAR_MAX_PX) }}>
      <p>{percent == null || percent === 0 ? name : better(percent)}</p>
      {own != null && <p className="figure text-muted">{t.you(unit(own))}</p>}
      <div role="img" aria-label={t.chart(name, count(all, tag), from(0), from(last))} className="mt-1 h-20 flex items-end gap-px border-b border-strong">
        {users.map((n, bin) => (
          <div key={bin} title={title(bin, n)} className={`grow basis-0 min-w-0 rounded-t-sm ${bin === mine ? 'bg-accent' : 'bg-strong'}`} style={{ height: n === 0 ? 0 : `${Math.max(4, (100 * n) / highest)}%` }} />
        ))}
      </div>
      <p className="figure flex justify-between text-xs text-muted">
        <span>{from(0)}</span>
        <span>{from(last)}</span>
      </p>
    </div>
  )
}
