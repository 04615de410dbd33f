"""Build script: the package, its command, and the twistd plugin beside Twisted's own."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["z4tw", "z4tw.*"]),
        # Twisted finds server types in this folder of every installed distribution.
        "twisted.plugins",
    ],
    package_data={"z4tw": ["py.typed"]},
)
