package testfixtures

import (
	"testing"
)

// TestTraffic sends data through each channel. Both ends must count the same, and no more
// than was asked for.
func TestTraffic(t *testing.T) {
	traffic, err := StartTraffic(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := traffic.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range traffic.Skipped {
		t.Logf("%s is skipped: %s", s.Fixture, s.Reason)
	}
	for _, c := range traffic.Channels {
		const amount, size = 20000, 500
		if err := c.Send(t.Context(), amount, size); err != nil {
			t.Error(err)
			continue
		}
		sent, received := c.Sender.Sent, c.Receiver.Received
		want := Count{Bytes: amount, Calls: amount / size}
		if c.Name == "eventfd" || c.Name == "sysv-sem" {
			want = Count{Calls: amount}
		}
		if sent.Bytes != want.Bytes || received.Bytes != want.Bytes {
			t.Errorf("%s: %v sent, %v received, want %v", c.Name, sent, received, want)
		}
		if sent.Calls < 10 || received.Calls < 10 || want.Bytes == 0 && sent.Calls != want.Calls {
			t.Errorf("%s: %v sent, %v received by calls, want about %v", c.Name, sent, received, want)
		}
		if !c.Answers() {
			continue
		}
		if err := c.Trips(t.Context(), 10, 64); err != nil {
			t.Error(err)
			continue
		}
		if back := c.Receiver.Sent; back.Bytes < 640 || c.Sender.Received != back {
			t.Errorf("%s: %v answered, %v came back", c.Name, back, c.Sender.Received)
		}
	}
}
