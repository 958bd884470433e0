// Questions and short answers in the phone's own way. A question is asked only before what cannot be undone.

export const ask = (title: string, content: string, confirmText: string, cancelText = '取消'): Promise<boolean> =>
  new Promise((resolve) =>
    uni.showModal({
      title,
      content,
      confirmText,
      cancelText,
      confirmColor: '#b3261e',
      success: (answer) => resolve(answer.confirm),
      fail: () => resolve(false),
    }),
  )

/** One thing to be read, with one button. */
export const tell = (content: string, title = ''): Promise<void> =>
  new Promise((resolve) =>
    uni.showModal({ title, content, showCancel: false, confirmText: '知道了', complete: () => resolve() }),
  )

export const say = (title: string): void => {
  uni.showToast({ title, icon: 'none', duration: 2000 })
}

interface Coded {
  code: string
  name: string
}

/** One of a few codes; null when nothing was picked. */
export const pick = <T extends string>(list: Coded[]): Promise<T | null> =>
  new Promise((resolve) =>
    uni.showActionSheet({
      itemList: list.map((one) => one.name),
      success: (answer) => resolve(list[answer.tapIndex].code as T),
      fail: () => resolve(null),
    }),
  )
