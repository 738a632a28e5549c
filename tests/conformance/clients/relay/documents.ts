// What Relay's compiler reads: a page that can be gone on with, a fragment fetched again by its node, all four kinds.
import { graphql } from 'relay-runtime';

graphql`
  fragment documentsVideo on Video @refetchable(queryName: "documentsAgainQuery") {
    id
    status
    progress
  }
`;
graphql`
  query documentsPageQuery($first: Int!, $after: String) {
    videos(first: $first, after: $after) @connection(key: "documents_videos") {
      edges {
        node {
          id
          ...documentsVideo
        }
      }
    }
  }
`;
graphql`
  mutation documentsMakeMutation($input: CreateVideoInput!) {
    createVideo(input: $input) {
      __typename
      ... on CreateVideoSuccess {
        video {
          id
          ...documentsVideo
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`;
graphql`
  subscription documentsWatchSubscription($id: ID!) {
    videoEvents(id: $id) {
      video {
        id
        status
      }
    }
  }
`;
