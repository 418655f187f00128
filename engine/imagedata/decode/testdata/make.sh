#!/bin/sh
# Makes the JPEG files of this folder and their pixels with libjpeg-turbo's cjpeg and
# djpeg: codings and sampling factors that the tests cannot write themselves.
set -eu
cd "$(dirname "$0")"
awk 'BEGIN { print "P3 19 11 255"; for (i = 0; i < 627; i++) print int(i * i / 7 + i % 19 * 9) % 256 }' >pixels.ppm
write() {
	name=$1
	shift
	cjpeg -quality 30 "$@" -outfile "$name.jpg" pixels.ppm
	djpeg -pnm -outfile "$name.ppm" "$name.jpg"
}
write arithmetic -arithmetic -sample 2x2
write arithmetic-progressive -arithmetic -progressive -sample 2x2 -restart 1B
write progressive-restarts -progressive -sample 2x2 -restart 1B
write sampling -sample 2x2,1x1,1x2
write sampling-small-luma -sample 1x1,2x2,2x1
rm pixels.ppm
