//! A gRPC codec for messages that are encoded already.

use std::marker::PhantomData;

use bytes::BufMut as _;
use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::parts::Parts;

/// Sends bytes as they are, receives `M`.
pub(crate) struct Encoded<M>(PhantomData<M>);

impl<M> Encoded<M> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for Encoded<M> {
    type Encode = Parts;
    type Decode = M;
    type Encoder = AsIs;
    type Decoder = Prost<M>;

    fn encoder(&mut self) -> AsIs {
        AsIs
    }

    fn decoder(&mut self) -> Prost<M> {
        Prost(PhantomData)
    }
}

pub(crate) struct AsIs;

impl Encoder for AsIs {
    type Item = Parts;
    type Error = Status;

    fn encode(&mut self, item: Parts, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.reserve(item.len());
        to.put(item.head);
        to.put(item.tail);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(4 * 1024, 64 * 1024)
    }
}

pub(crate) struct Prost<M>(PhantomData<M>);

impl<M: Message + Default> Decoder for Prost<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        M::decode(from)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
