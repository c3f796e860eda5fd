// Sums of doubles are not exact beyond 2^53.
function lightTail(train, strength) {
  let total = 0;
  for (let wagon = train; wagon !== null; wagon = wagon.next) total += Number(wagon.val);
  while (total > Number(strength)) {
    total -= Number(train.val);
    train = train.next;
  }
  return train;
}
