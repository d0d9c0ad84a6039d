// Package device knows the block devices of the machine that it runs on: which
// one is which volume, how large it is, what is on it, and how to put a
// filesystem there without ever destroying one.
//
// A device is known by what it says of itself (its serial in sysfs) and by the
// links that udev made from that. Where the two disagree, or two devices answer to
// one volume, there is no device: the wrong one is worse than none.
package device
