// The menu that replaces a `MenuButton` when it is opened for the first time, and the classes of its items.
import { Menu } from '@base-ui/react/menu'
import type { ReactNode } from 'react'
import { MENU_BUTTON, type Opened } from './MenuButton'

export const MENU_ITEM = 'flex items-center gap-2 w-full px-3 min-h-8 pointer-coarse:min-h-11 rounded-sm text-left cursor-default data-[highlighted]:bg-raised'
export const MENU_GROUP = 'px-3 pt-2 pb-1 text-xs text-muted'

/** `below`: content below the open menu. A menu itself contains only its items (ARIA, role `menu`). */
export function OpenedMenu({ opened, below, children }: { opened: Opened; below?: ReactNode; children: ReactNode }) {
  const { isOpen, onOpen, label, title, content } = opened
  return (
    <Menu.Root open={isOpen} onOpenChange={onOpen}>
      <Menu.Trigger className={MENU_BUTTON} aria-label={label} title={title}>
        {content}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-40 flex flex-col items-end gap-1">
          <Menu.Popup className="min-w-48 max-h-(--available-height) overflow-y-auto p-1 rounded-md bg-surface border border-border shadow-lg outline-none">{children}</Menu.Popup>
          {below && <div className="w-80 max-w-[calc(100vw-24px)] rounded-md shadow-lg">{below}</div>}
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
