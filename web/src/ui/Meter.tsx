// A thin bar that shows a share of a whole. The text beside the bar has the same information.

export function Meter({ label, value, max, text, colour = 'bg-accent' }: { label: string; value: number; max: number; text: string; colour?: string }) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
  return (
    <div>
      {/* With large text, the two are in lines of their own. */}
      <div className="flex flex-wrap items-baseline justify-between gap-x-3">
        <span className="min-w-0 basis-[7em] grow break-words">{label}</span>
        <span className="figure text-muted max-w-full">{text}</span>
      </div>
      <div aria-hidden className="mt-1 h-1.5 rounded-sm bg-border overflow-hidden">
        <div className={`h-full ${colour}`} style={{ width: `${100 * share}%` }} />
      </div>
    </div>
  )
}
