package media

// The two pieces of hold music, as notes. Pitches are MIDI numbers: 60 is the middle C.

// drift: sixteen slow bars in C, a pad under a plucked arpeggio, with a few notes of melody above. 53 seconds.
func drift() *score {
	const bars = 16
	s := newScore(72, 4*bars, -14.7)
	chords := [bars][4]int{
		{60, 64, 67, 71}, {57, 64, 67, 72}, {57, 60, 65, 69}, {59, 62, 67, 69}, // C∆ Am7 F G6
		{59, 64, 67, 71}, {57, 60, 64, 67}, {57, 62, 65, 69}, {59, 62, 65, 67}, // Em Am7 Dm G7
		{60, 64, 67, 74}, {59, 64, 67, 71}, {57, 60, 65, 69}, {60, 64, 65, 69}, // C9 Em F∆ F∆
		{60, 64, 67, 71}, {57, 60, 64, 67}, {60, 62, 65, 69}, {59, 62, 65, 67}, // C∆ Am7 Dm7 G7
	}
	patterns := [2][8]int{{0, 2, 1, 3, 2, 1, 3, 2}, {0, 1, 2, 3, 1, 3, 2, 1}}
	for bar, chord := range chords {
		at := float64(4 * bar)
		for _, pitch := range chord {
			s.play(pad, at, 4, pitch, 0.16)
		}
		for step, tone := range patterns[bar%2] {
			loud := 0.34 - 0.05*float64(step%2) - 0.04*float64(step%4/2)
			if step == 7 && bar%4 == 3 {
				continue // a breath at the end of each line
			}
			s.play(harp, at+float64(step)/2, 1, chord[tone]+12, loud)
		}
	}
	for _, n := range []struct {
		at, length float64
		pitch      int
	}{
		{2, 1.5, 79}, {4, 3, 76}, {10, 2, 77}, {12, 3, 74}, {18, 1.5, 79}, {20, 3, 72}, {26, 1, 74}, {27, 1, 77}, {28, 3, 74},
		{34, 1.5, 74}, {36, 3, 79}, {42, 1, 81}, {43, 1, 79}, {44, 3, 76}, {50, 1.5, 79}, {52, 3, 76}, {58, 1, 77}, {59, 1,
			74}, {60, 3, 71},
	} {
		s.play(flute, n.at, n.length, n.pitch, 0.2)
	}
	s.echo(0.75, 0.28)
	return s
}

// waltz: twenty-four bars in three, in G, plucked, with a pad every two bars and a melody in the second half. 51
// seconds.
func waltz() *score {
	const bars = 24
	s := newScore(84, 3*bars, -14.7)
	chords := [bars / 2][4]int{
		{55, 62, 67, 71}, {54, 62, 66, 69}, {52, 64, 67, 71}, {60, 64, 67, 74}, // G D/F# Em Cadd9
		{55, 62, 67, 71}, {59, 62, 66, 71}, {60, 64, 67, 71}, {57, 62, 66, 72}, // G Bm C∆ D7
		{52, 64, 67, 71}, {60, 64, 67, 74}, {55, 62, 67, 71}, {57, 62, 66, 72}, // Em Cadd9 G D7
	}
	patterns := [2][6]int{{0, 1, 2, 3, 2, 1}, {0, 2, 1, 3, 1, 2}}
	for i, chord := range chords {
		for _, pitch := range chord[1:] {
			s.play(pad, float64(6*i), 6, pitch, 0.13)
		}
		for half := range 2 {
			for step, tone := range patterns[(i+half)%2] {
				pitch := chord[tone] + 12
				if tone == 3 && half == 1 {
					pitch += 12
				}
				s.play(harp, float64(6*i+3*half)+float64(step)/2, 1.5, pitch, 0.36-0.08*float64(min(step, 1))-0.02*float64(step%2))
			}
		}
	}
	for _, n := range []struct {
		at, length float64
		pitch      int
	}{
		{24, 2, 74}, {26, 1, 76}, {27, 3, 74}, {30, 2, 71}, {32, 1, 74}, {33, 3, 78}, {36, 2, 79}, {38, 1, 78}, {39, 3, 76},
		{42, 2, 74}, {44, 1, 72}, {45, 3, 69}, {48, 2, 71}, {50, 1, 74}, {51, 3, 76}, {54, 2, 74}, {56, 1, 76}, {57, 3, 79},
		{60, 2, 78}, {62, 1, 76}, {63, 3, 74}, {66, 2, 72}, {68, 1, 71}, {69, 3, 69},
	} {
		s.play(flute, n.at, n.length, n.pitch, 0.19)
	}
	s.echo(1, 0.24)
	return s
}
