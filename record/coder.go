package record

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// coder compresses payloads.
type coder struct{ enc *zstd.Encoder }

func newCoder() *coder {
	// One goroutine: watching must not become the load. These options are right, so
	// there is no error. The frames have checksums of their own.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	return &coder{enc}
}

// sharedDecoder is used by all readers: it may be used concurrently.
var sharedDecoder = sync.OnceValue(func() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument))
	if err != nil {
		panic(err)
	}
	return dec
})

func (z *coder) compress(p []byte) []byte { return z.enc.EncodeAll(p, nil) }

func decompress(p []byte) ([]byte, error) {
	b, err := sharedDecoder().DecodeAll(p, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return b, nil
}
