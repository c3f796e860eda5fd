// The look of lists that are searched by typing, and of the buttons that open them.

export const PICKER_BUTTON =
  'inline-flex items-center justify-between gap-2 h-8 pointer-coarse:min-h-11 pointer-coarse:text-lg px-2 rounded-md border border-strong bg-surface text-text text-left hover:bg-raised'
export const PICKER_POPUP = 'w-[min(320px,var(--available-width))] rounded-md bg-surface border border-border shadow-lg overflow-hidden outline-none'
export const PICKER_INPUT = 'block w-full h-10 pointer-coarse:h-11 px-3 bg-surface border-b border-border placeholder:text-muted focus-visible:outline-none'
export const PICKER_LIST = 'max-h-[min(340px,calc(var(--available-height)-48px))] overflow-y-auto overscroll-contain p-1 scroll-py-1 outline-none empty:p-0'
export const PICKER_GROUP = 'px-2 pt-2 pb-1 text-xs text-muted'
export const PICKER_ITEM =
  'flex items-center gap-2 px-2 min-h-8 pointer-coarse:min-h-11 rounded-sm cursor-default data-[highlighted]:bg-raised data-[highlighted]:shadow-[inset_2px_0_0_var(--accent)]'

/** The texts that begin with the query come first. */
export const beginningFirst = (texts: readonly string[], query: string, shown: (text: string) => string = (text) => text): string[] => {
  const begins = (text: string) => [text, shown(text)].some((one) => one.toLocaleLowerCase().startsWith(query.trim().toLocaleLowerCase()))
  return [...texts.filter(begins), ...texts.filter((text) => !begins(text))]
}

/** Whether each word of a query is in one of the texts. */
export const matchesQuery = (texts: readonly string[], query: string): boolean => {
  const all = texts.join('\n').toLocaleLowerCase()
  return query.trim().toLocaleLowerCase().split(/\s+/).every((word) => all.includes(word))
}
