// The menu of the user's account.
import { Menu } from '@base-ui/react/menu'
import { useNavigate } from '@tanstack/react-router'
import { useShownFailure, useSignOut } from '../hooks/useSignOut'
import { useMessages } from '../i18n/messages'
import type { Opened } from '../ui/MenuButton'
import { MENU_ITEM, OpenedMenu } from '../ui/OpenedMenu'
import { SignOutFailed } from './SignOutFailed'

export function AccountMenu({ opened, name, isAdmin }: { opened: Opened; name: string; isAdmin: boolean }) {
  const m = useMessages()
  const navigate = useNavigate()
  const signOut = useSignOut((act) => {
    opened.onOpen(false)
    act()
  })
  useShownFailure(opened.isOpen, opened.onOpen, signOut)
  return (
    <OpenedMenu opened={opened} below={signOut.error !== null && <SignOutFailed error={signOut.error} />}>
      <div className="px-3 py-2 text-sm text-muted max-w-60 truncate">{name}</div>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/account' })}>
        {m.menu.account}
      </Menu.Item>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/account', search: { view: 'submissions' } })}>
        {m.submissions.title}
      </Menu.Item>
      {isAdmin && (
        <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/admin' })}>
          {m.menu.admin}
        </Menu.Item>
      )}
      <Menu.Item className={MENU_ITEM} closeOnClick={false} onClick={() => signOut.mutate()}>
        {m.menu.signOut}
      </Menu.Item>
    </OpenedMenu>
  )
}
