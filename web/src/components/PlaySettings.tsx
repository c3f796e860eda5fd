// The fields below “Arguments, files and limits” in the playground, loaded when they are opened.
import { useState } from 'react'
import type { Schema } from '../api/client'
import { artifactTexts } from '../i18n/artifacts'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { playTexts } from '../i18n/play'
import { Field } from '../ui/Field'
import { patternFault } from '../util/artifacts'
import { count } from '../util/format'
import { isUnclosed, limitFaults, type Play, type PlayLimits } from '../util/play'

const KIB_PER_MIB = 1024

interface PlaySettingsProps {
  play: Play
  language: Schema['LanguageView']
  limits: PlayLimits
  onChange: (change: Partial<Play>) => void
  onLimits: (limits: Partial<PlayLimits>) => void
}

export function PlaySettings({ play, language, limits, onChange, onLimits }: PlaySettingsProps) {
  const m = useMessages()
  const { options } = useTexts(playTexts)
  const t = useTexts(artifactTexts)
  const fault = patternFault(play.keep)
  const most = language.limits_max
  const beyond = limitFaults(language, play.limits)
  const unclosed = (line: string | undefined) => (isUnclosed(line) ? options.unclosed : undefined)
  const between = (bounds: [number, number] | undefined, unit: number) => bounds && options.between(bounds[0] / unit, bounds[1] / unit)
  return (
    <div className="grid grid-cols-2 gap-3 px-3 pt-2 pb-3">
      <Field label={m.play.args} hint={options.argsHint} error={unclosed(play.args)} value={play.args} onChange={(event) => onChange({ args: event.target.value })} spellCheck={false} autoCapitalize="none" autoComplete="off" className="col-span-2" />
      {language.compiled && (
        <Field
          label={options.compiler}
          hint={options.compilerHint}
          error={unclosed(play.compilerArgs)}
          value={play.compilerArgs ?? ''}
          onChange={(event) => onChange({ compilerArgs: event.target.value })}
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          className="col-span-2"
        />
      )}
      <Field
        label={t.keep}
        hint={t.keepHint}
        error={unclosed(play.keep) ?? (fault && t.faults[fault])}
        value={play.keep ?? ''}
        onChange={(event) => onChange({ keep: event.target.value })}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        className="col-span-2"
      />
      <Limit label={m.play.cpu} error={between(beyond.cpuMs, 1000)} value={(play.limits?.cpuMs ?? limits.cpuMs) / 1000} max={most.cpu_time_ms / 1000} onChange={(seconds) => onLimits({ ...limits, ...play.limits, cpuMs: seconds * 1000 })} />
      <Limit label={m.play.memory} error={between(beyond.memoryKb, KIB_PER_MIB)} value={(play.limits?.memoryKb ?? limits.memoryKb) / KIB_PER_MIB} max={most.memory_kb / KIB_PER_MIB} onChange={(mib) => onLimits({ ...limits, ...play.limits, memoryKb: mib * KIB_PER_MIB })} />
    </div>
  )
}

/** A number field. When it loses the focus, a text that is no positive number is replaced by the last number. */
function Limit({ label, error, value, max, onChange }: { label: string; error: string | undefined; value: number; max: number; onChange: (value: number) => void }) {
  const { tag } = useLanguage()
  const { options } = useTexts(playTexts)
  const [typed, setTyped] = useState<string>()
  return (
    <Field
      label={label}
      hint={options.atMost(count(max, tag))}
      error={error}
      inputMode="decimal"
      value={typed ?? String(value)}
      onChange={(event) => {
        setTyped(event.target.value)
        const number = Number(event.target.value)
        if (number > 0) onChange(number)
      }}
      onBlur={() => setTyped(undefined)}
    />
  )
}
