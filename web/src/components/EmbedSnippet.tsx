// The HTML with which another site shows a shared program.
import { embedTexts } from '../i18n/embed'
import { useTexts } from '../i18n/messages'
import { CopyButton } from '../ui/CopyButton'
import { inputClass } from '../ui/Field'
import { frameOf } from '../util/frame'

export function EmbedSnippet({ link, title, language }: { link: string; title: string; language: string }) {
  const t = useTexts(embedTexts)
  const html = frameOf(link, title || t.title(language))
  return (
    <div className="basis-full flex flex-wrap items-center gap-2">
      <textarea aria-label={t.label} readOnly rows={3} value={html} onFocus={(event) => event.target.select()} className={`${inputClass} h-auto! py-1 grow basis-40 font-mono text-sm break-all`} />
      <CopyButton text={html} what={t.label} />
      <p className="basis-full text-sm text-muted">{t.hint}</p>
    </div>
  )
}
