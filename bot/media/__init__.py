"""Images, audio and video files, and text to be spoken. Knows nothing of Discord and ComfyUI but their file formats.

- `images`: opening with a limit of pixels, thumbnails, contact sheets, shrinking to a size limit, removing metadata.
- `audio` (measuring and transcoding), `audio_joining`, `audio_shrinking`, `waveform`, `voice_sample`, `pcm`.
- `video` (measuring, thumbnails, removing metadata), `video_shrinking`.
- `ffmpeg` runs the program that decodes and encodes audio and video.
- `speech`: from a Discord message to text that a voice can speak.
- `media_types` (what a file is), `atomic_write` (files that appear whole), `errors`.
"""
