"""The playground's server: pages, websockets, uploads and downloads."""
