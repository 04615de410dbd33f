"""Makes ``twistd z4`` known; the modules are named by text, so that this stays light."""

from twisted.application.service import ServiceMaker

z4 = ServiceMaker("z4", "z4tw.tap", "An S3-compatible object store.", "z4")
