package device

import "io"

// Noise says whether all that FirstData looks at looks as what was never written does
// on an encrypted device: zeros that were decrypted, which are evenly distributed
// bytes in every block. Filesystems, databases and text have order somewhere in it.
func Noise(r io.ReaderAt, size int64) (bool, error) {
	noise := true
	err := each(r, size, func(_ int64, part []byte) bool {
		for from := 0; from < len(part) && noise; from += int(4 * kib) {
			noise = even(part[from:min(from+int(4*kib), len(part))])
		}
		return noise
	})
	return noise && err == nil, err
}

// even is Pearson's test of the hypothesis that all values of a byte are as likely:
// its statistic is 255 on average and 22.6 away from that by standard deviation.
// Eight of these are passed once in 10^10 blocks of noise; what is more even than noise
// is none.
func even(block []byte) bool {
	const mean, most = 255, 8 * 22.6
	var counts [256]int
	for _, b := range block {
		counts[b]++
	}
	expected, statistic := float64(len(block))/256, 0.0
	for _, n := range counts {
		statistic += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	return statistic > mean-most && statistic < mean+most
}
